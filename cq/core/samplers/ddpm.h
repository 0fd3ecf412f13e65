#pragma once
#include "cq/core/sampler.h"
#include "cq/core/samplers/posterior.h"

namespace cq {

struct DdpmParameters {
  int64_t steps = 100;
  std::string variance = "small";
  bool clip = false;
};

/// DDPM (Ho et al. 2020, arXiv 2006.11239, algorithm 2) over the round-strided timesteps of
/// improved diffusion, with a fixed variance.
class Ddpm : public Sampler {
 public:
  static constexpr const char* name = "ddpm";
  static constexpr const char* doc = "ancestral sampling with a fixed variance";
  static constexpr const char* source = "Ho et al. 2020, arXiv 2006.11239";
  using Parameters = DdpmParameters;
  static const config::Params<Parameters>& parameters();

  Ddpm(const Parameters& parameters, const Diffusion& diffusion);
  const std::vector<int64_t>& timesteps() const override { return grid_.timesteps; }
  std::unique_ptr<SamplerRun> start(at::Tensor x, const NoiseSource& noise) const override;

 private:
  Parameters parameters_;
  StepGrid grid_;
  std::vector<Posterior> steps_;
};

}  // namespace cq
