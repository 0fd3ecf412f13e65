#pragma once
#include "cq/core/sampler.h"
#include "cq/core/samplers/spacing.h"

namespace cq {

struct DdimParameters {
  int64_t steps = 50;
  double eta = 0;
  std::string spacing = "ldm";
  std::string final = "auto";
};

/// DDIM (Song et al. 2021, arXiv 2010.02502, equation 12).
class Ddim : public Sampler {
 public:
  static constexpr const char* name = "ddim";
  static constexpr const char* doc = "denoising diffusion implicit models";
  static constexpr const char* source = "Song et al. 2021, arXiv 2010.02502";
  using Parameters = DdimParameters;
  static const config::Params<Parameters>& parameters();

  Ddim(const Parameters& parameters, const Diffusion& diffusion);
  const std::vector<int64_t>& timesteps() const override { return grid_.timesteps; }
  std::unique_ptr<SamplerRun> start(at::Tensor x, const NoiseSource& noise) const override;

 private:
  double eta_;
  StepGrid grid_;
};

}  // namespace cq
