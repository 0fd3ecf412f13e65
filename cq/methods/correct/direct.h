#pragma once
#include "cq/core/corrector.h"

namespace cq {

struct DirectParameters {
  std::string steps = "all";
};

/// Direct correction, the baseline of the paper: per output channel of the units that the cached
/// feature feeds, match mean and standard deviation of the quantized outputs to those of the
/// full-precision layer fed with the true feature.
class Direct : public Corrector {
 public:
  static constexpr const char* name = "direct";
  static constexpr const char* doc = "mean and deviation of coupled errors matched at once";
  static constexpr const char* source = "baseline of CacheQuant, arXiv 2503.01323";
  using Parameters = DirectParameters;
  static const config::Params<Parameters>& parameters();

  explicit Direct(const Parameters& parameters) : parameters_(parameters) {}
  void check(bool quantized) const override;
  Corrections estimate(const CorrectionInputs& in) const override;

 private:
  Parameters parameters_;
};

}  // namespace cq
