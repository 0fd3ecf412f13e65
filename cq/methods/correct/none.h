#pragma once
#include "cq/core/corrector.h"

namespace cq {

struct NoCorrectionParameters {};

/// The null corrector.
class NoCorrection : public Corrector {
 public:
  static constexpr const char* name = "none";
  static constexpr const char* doc = "no error correction";
  static constexpr const char* source = "";
  using Parameters = NoCorrectionParameters;
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> none;
    return none;
  }
  explicit NoCorrection(const Parameters&) {}
  bool corrects() const override { return false; }
  Corrections estimate(const CorrectionInputs&) const override { return {}; }
};

}  // namespace cq
