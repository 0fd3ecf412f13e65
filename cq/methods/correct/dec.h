#pragma once
#include "cq/core/corrector.h"

namespace cq {

struct DecParameters {
  std::string steps = "all";
  bool reference_slope = false;
  bool cache_error = true;
  bool quantization_error = true;
};

/// Decoupled error correction: the cache error per input channel on the feature (a1, b1), then the
/// quantization error per output channel of the units it feeds (a2, b2), measured with the
/// corrected feature (CacheQuant, section 3.3).
class Dec : public Corrector {
 public:
  static constexpr const char* name = "dec";
  static constexpr const char* doc = "decoupled error correction";
  static constexpr const char* source = "CacheQuant, CVPR 2025, arXiv 2503.01323, section 3.3";
  using Parameters = DecParameters;
  static const config::Params<Parameters>& parameters();

  explicit Dec(const Parameters& parameters) : parameters_(parameters) {}
  Corrections estimate(const CorrectionInputs& in) const override;

 private:
  Parameters parameters_;
};

}  // namespace cq
