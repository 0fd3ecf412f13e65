#pragma once
#include "cq/core/sampler.h"
#include "cq/core/samplers/spacing.h"

namespace cq {

struct PlmsParameters {
  int64_t steps = 50;
};

/// Pseudo linear multistep (Liu et al. 2022, arXiv 2202.09778) as the LDM code has it: DDIM steps
/// along Adams-Bashforth combinations of the last predictions. The first step calls the network
/// twice, so S steps make S + 1 calls.
class Plms : public Sampler {
 public:
  static constexpr const char* name = "plms";
  static constexpr const char* doc = "pseudo linear multistep; S steps make S + 1 network calls";
  static constexpr const char* source = "Liu et al. 2022, arXiv 2202.09778";
  using Parameters = PlmsParameters;
  static const config::Params<Parameters>& parameters();

  Plms(const Parameters& parameters, const Diffusion& diffusion);
  const std::vector<int64_t>& timesteps() const override { return calls_; }
  int64_t step_of(int64_t call) const override { return call == 0 ? 0 : call - 1; }
  std::unique_ptr<SamplerRun> start(at::Tensor x, const NoiseSource& noise) const override;

 private:
  StepGrid grid_;
  std::vector<int64_t> calls_;
};

}  // namespace cq
