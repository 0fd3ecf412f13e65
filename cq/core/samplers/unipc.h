#pragma once
#include "cq/core/sampler.h"
#include "cq/core/samplers/half_log_snr.h"

namespace cq {

struct UniPcParameters {
  int64_t steps = 20;
  int64_t order = 2;
  std::string variant = "bh2";
  std::string spacing = "linspace";
  std::string final = "one";
};

/// UniPC (Zhao et al. 2023, arXiv 2302.04867) in data prediction: a predictor of order p and, with
/// the call at its result, a corrector of order p + 1; one network call a step.
class UniPc : public Sampler {
 public:
  static constexpr const char* name = "unipc";
  static constexpr const char* doc = "UniPC, multistep predictor and corrector";
  static constexpr const char* source = "Zhao et al. 2023, arXiv 2302.04867";
  using Parameters = UniPcParameters;
  static const config::Params<Parameters>& parameters();

  UniPc(const Parameters& parameters, const Diffusion& diffusion);
  const std::vector<int64_t>& timesteps() const override { return grid_.timesteps; }
  std::unique_ptr<SamplerRun> start(at::Tensor x, const NoiseSource& noise) const override;

 private:
  Parameters parameters_;
  StepGrid grid_;
  std::vector<NoiseLevel> levels_;
};

}  // namespace cq
