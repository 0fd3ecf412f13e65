#include "cq/core/samplers/ancestral.h"

#include <cmath>

#include <ATen/ops/exp.h>

#include "cq/core/samplers/run.h"

namespace cq {

namespace {

class AncestralRun : public CountedRun {
 public:
  AncestralRun(const Ancestral& sampler, const StepGrid& grid, const std::vector<Posterior>& steps,
               bool clip, at::Tensor x, const NoiseSource& noise)
      : CountedRun(sampler, std::move(x), noise), grid_(grid), steps_(steps), clip_(clip) {}

 private:
  // log variance = v log beta + (1 - v) log of the posterior's, v = (output + 1) / 2
  at::Tensor next(const NoisePrediction& prediction) override {
    const auto& step = steps_[size_t(call())];
    auto mean = step.mean(grid_.alpha[size_t(call())], prediction.eps, x(), clip_);
    if (size_t(call()) + 1 == steps_.size()) return mean;
    const double low = std::log(step.variance), high = std::log(step.beta);
    const auto log_variance = (prediction.variance + 1) * ((high - low) / 2) + low;
    return mean + noise() * at::exp(log_variance * 0.5);
  }

  const StepGrid& grid_;
  const std::vector<Posterior>& steps_;
  bool clip_;
};

}  // namespace

const config::Params<AncestralParameters>& Ancestral::parameters() {
  using P = AncestralParameters;
  static const auto params =
      config::Params<P>()
          .field("steps", &P::steps, "denoising steps T", {1, 1000}, "steps")
          .field("clip", &P::clip, "clip the predicted sample to -1..1 (pixel-space models)");
  return params;
}

Ancestral::Ancestral(const Parameters& p, const Diffusion& diffusion)
    : clip_(p.clip),
      grid_(make_step_grid(diffusion, "respaced", p.steps, "one")),
      steps_(posteriors(grid_)) {}

std::unique_ptr<SamplerRun> Ancestral::start(at::Tensor x, const NoiseSource& noise) const {
  return std::make_unique<AncestralRun>(*this, grid_, steps_, clip_, std::move(x), noise);
}

}  // namespace cq
