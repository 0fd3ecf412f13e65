#pragma once
#include "cq/core/sampler.h"
#include "cq/core/samplers/posterior.h"

namespace cq {

struct AncestralParameters {
  int64_t steps = 250;
  bool clip = false;
};

/// Ancestral sampling with the variance that the network learned, over round-strided timesteps
/// (Nichol & Dhariwal 2021, arXiv 2102.09672, equation 15; DiT).
class Ancestral : public Sampler {
 public:
  static constexpr const char* name = "ancestral";
  static constexpr const char* doc = "ancestral sampling with a learned variance (DiT)";
  static constexpr const char* source = "Nichol & Dhariwal 2021, arXiv 2102.09672";
  using Parameters = AncestralParameters;
  static const config::Params<Parameters>& parameters();

  Ancestral(const Parameters& parameters, const Diffusion& diffusion);
  const std::vector<int64_t>& timesteps() const override { return grid_.timesteps; }
  bool needs_variance() const override { return true; }
  std::unique_ptr<SamplerRun> start(at::Tensor x, const NoiseSource& noise) const override;

 private:
  bool clip_;
  StepGrid grid_;
  std::vector<Posterior> steps_;
};

}  // namespace cq
