#pragma once
#include "cq/core/sampler.h"

namespace cq {

struct AncestralParameters {
  int64_t steps = 100;
  bool clip = false;
};

/// Ancestral sampling of DDPM (Ho et al. 2020, arXiv 2006.11239, algorithm 2) over strided
/// timesteps, with the posterior's ("small") variance of the strided chain.
class Ancestral : public Sampler {
 public:
  static constexpr const char* name = "ddpm";
  static constexpr const char* doc = "ancestral sampling, posterior variance of the strided chain";
  static constexpr const char* source = "Ho et al. 2020, arXiv 2006.11239";
  using Parameters = AncestralParameters;
  static const config::Params<Parameters>& parameters();

  Ancestral(const Parameters& parameters, const Diffusion& diffusion);
  const std::vector<int64_t>& timesteps() const override { return timesteps_; }
  std::unique_ptr<SamplerRun> start(at::Tensor x, const NoiseSource& noise) const override;

 private:
  bool clip_;
  std::vector<int64_t> timesteps_;
  std::vector<double> alpha_, alpha_next_;
};

}  // namespace cq
