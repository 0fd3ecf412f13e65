#include "cq/core/samplers/dpmpp_2m.h"

#include <cmath>

#include "cq/core/samplers/run.h"

namespace cq {

namespace {

// With fewer steps the last one is taken with first order, as the authors advise.
constexpr size_t kManySteps = 15;

class DpmSolverRun : public CountedRun {
 public:
  DpmSolverRun(const DpmSolver& sampler, const std::vector<NoiseLevel>& levels, at::Tensor x,
               const NoiseSource& noise)
      : CountedRun(sampler, std::move(x), noise), levels_(levels) {}

 private:
  // x' = sigma'/sigma x - alpha' (exp(-h) - 1) D,  D = x0 + (x0 - last x0) h / (2 h_last)
  at::Tensor next(const NoisePrediction& prediction) override {
    const auto i = size_t(call());
    const auto &from = levels_[i], &to = levels_[i + 1];
    const auto clean = from.clean(x(), prediction.eps);
    const double h = to.lambda - from.lambda;
    auto direction = clean;
    if (i > 0 && !first_order_end(i)) {
      const double before = from.lambda - levels_[i - 1].lambda;
      direction = clean + (clean - last_) * (0.5 * h / before);
    }
    last_ = clean;
    return x() * (to.sigma / from.sigma) - direction * (to.alpha * std::expm1(-h));
  }

  bool first_order_end(size_t i) const {
    const size_t steps = levels_.size() - 1;
    return i + 1 == steps && (steps < kManySteps || levels_.back().sigma == 0);
  }

  const std::vector<NoiseLevel>& levels_;
  at::Tensor last_;  ///< x0 predicted one step ago
};

}  // namespace

const config::Params<DpmSolverParameters>& DpmSolver::parameters() {
  using P = DpmSolverParameters;
  static const auto params =
      config::Params<P>()
          .field("steps", &P::steps, "denoising steps T", {1, 1000}, "steps")
          .field("spacing", &P::spacing,
                 "timesteps: linspace = 999, 999 - 999/S, ...; trailing = 999, 999 - 1000/S, ...; "
                 "leading = 1 + i int(1000/(S + 1)), as diffusers' Stable Diffusion pipeline")
          .choices({"linspace", "trailing", "leading"})
          .field("final", &P::final,
                 "where the last step ends: one = the clean sample, first = alpha_bar[0]")
          .choices({"one", "first"});
  return params;
}

DpmSolver::DpmSolver(const Parameters& p, const Diffusion& diffusion)
    : grid_(make_step_grid(diffusion, p.spacing, p.steps, p.final)), levels_(noise_levels(grid_)) {}

std::unique_ptr<SamplerRun> DpmSolver::start(at::Tensor x, const NoiseSource& noise) const {
  return std::make_unique<DpmSolverRun>(*this, levels_, std::move(x), noise);
}

}  // namespace cq
