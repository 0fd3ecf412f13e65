#include "cq/core/samplers/ddpm.h"

#include <cmath>

#include "cq/core/samplers/run.h"

namespace cq {

namespace {

class DdpmRun : public CountedRun {
 public:
  DdpmRun(const Ddpm& sampler, const StepGrid& grid, const std::vector<Posterior>& steps,
          const DdpmParameters& parameters, at::Tensor x, const NoiseSource& noise)
      : CountedRun(sampler, std::move(x), noise),
        grid_(grid),
        steps_(steps),
        parameters_(parameters) {}

 private:
  at::Tensor next(const NoisePrediction& prediction) override {
    const auto& step = steps_[size_t(call())];
    auto mean = step.mean(grid_.alpha[size_t(call())], prediction.eps, x(), parameters_.clip);
    if (size_t(call()) + 1 == steps_.size()) return mean;
    const double variance = parameters_.variance == "small" ? step.variance : step.beta;
    return mean + noise() * std::sqrt(variance);
  }

  const StepGrid& grid_;
  const std::vector<Posterior>& steps_;
  const DdpmParameters& parameters_;
};

}  // namespace

const config::Params<DdpmParameters>& Ddpm::parameters() {
  using P = DdpmParameters;
  static const auto params =
      config::Params<P>()
          .field("steps", &P::steps, "denoising steps T", {1, 1000}, "steps")
          .field("variance", &P::variance,
                 "small = of the posterior q(x' | x, x0), large = beta of the strided chain")
          .choices({"small", "large"})
          .field("clip", &P::clip, "clip the predicted sample to -1..1 (pixel-space models)");
  return params;
}

Ddpm::Ddpm(const Parameters& p, const Diffusion& diffusion)
    : parameters_(p),
      grid_(make_step_grid(diffusion, "respaced", p.steps, "one")),
      steps_(posteriors(grid_)) {}

std::unique_ptr<SamplerRun> Ddpm::start(at::Tensor x, const NoiseSource& noise) const {
  return std::make_unique<DdpmRun>(*this, grid_, steps_, parameters_, std::move(x), noise);
}

}  // namespace cq
