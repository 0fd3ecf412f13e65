#include "cq/core/samplers/plms.h"

#include <cmath>

#include "cq/core/samplers/run.h"

namespace cq {

namespace {

class PlmsRun : public CountedRun {
 public:
  PlmsRun(const Plms& sampler, const StepGrid& grid, at::Tensor x, const NoiseSource& noise)
      : CountedRun(sampler, std::move(x), noise), grid_(grid) {}

 private:
  at::Tensor next(const NoisePrediction& prediction) override {
    const auto& e = prediction.eps;
    if (call() == 0) {  // a trial step, from which the second call looks back
      start_ = x();
      past_ = {e};
      return step(0, start_, e);
    }
    if (call() == 1) return step(0, start_, (past_[0] + e) / 2);
    const auto combined = combine(e);
    past_.push_back(e);
    if (past_.size() > 3) past_.erase(past_.begin());
    return step(size_t(call()) - 1, x(), combined);
  }

  // Adams-Bashforth of order 2, 3, 4, as far as there are predictions.
  at::Tensor combine(const at::Tensor& e) const {
    const auto& p = past_;  // newest last
    const size_t n = p.size();
    if (n == 1) return (3 * e - p[0]) / 2;
    if (n == 2) return (23 * e - 16 * p[1] + 5 * p[0]) / 12;
    return (55 * e - 59 * p[2] + 37 * p[1] - 9 * p[0]) / 24;
  }

  at::Tensor step(size_t i, const at::Tensor& x, const at::Tensor& e) const {
    const double a = grid_.alpha[i], a_next = grid_.alpha_next[i], from_x = std::sqrt(a_next / a);
    return x * from_x + e * (std::sqrt(1 - a_next) - from_x * std::sqrt(1 - a));
  }

  const StepGrid& grid_;
  at::Tensor start_;
  std::vector<at::Tensor> past_;
};

}  // namespace

const config::Params<PlmsParameters>& Plms::parameters() {
  using P = PlmsParameters;
  static const auto params = config::Params<P>().field(
      "steps", &P::steps, "denoising steps T, one network call less than are made", {1, 1000},
      "steps");
  return params;
}

Plms::Plms(const Parameters& p, const Diffusion& diffusion)
    : grid_(make_step_grid(diffusion, "ldm", p.steps, "first")), calls_(grid_.timesteps) {
  calls_.insert(calls_.begin() + 1, calls_[p.steps > 1 ? 1 : 0]);
}

std::unique_ptr<SamplerRun> Plms::start(at::Tensor x, const NoiseSource& noise) const {
  return std::make_unique<PlmsRun>(*this, grid_, std::move(x), noise);
}

}  // namespace cq
