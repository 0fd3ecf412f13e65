#pragma once
#include "cq/core/sampler.h"
#include "cq/core/samplers/half_log_snr.h"

namespace cq {

struct DpmSolverParameters {
  int64_t steps = 20;
  std::string spacing = "linspace";
  std::string final = "one";
};

/// DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, algorithm 2): second order in the
/// half-log-SNR, one network call a step.
class DpmSolver : public Sampler {
 public:
  static constexpr const char* name = "dpmpp_2m";
  static constexpr const char* doc = "DPM-Solver++(2M), multistep of second order";
  static constexpr const char* source = "Lu et al. 2022, arXiv 2211.01095";
  using Parameters = DpmSolverParameters;
  static const config::Params<Parameters>& parameters();

  DpmSolver(const Parameters& parameters, const Diffusion& diffusion);
  const std::vector<int64_t>& timesteps() const override { return grid_.timesteps; }
  std::unique_ptr<SamplerRun> start(at::Tensor x, const NoiseSource& noise) const override;

 private:
  StepGrid grid_;
  std::vector<NoiseLevel> levels_;
};

}  // namespace cq
