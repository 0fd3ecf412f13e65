#include "cq/core/samplers/ancestral.h"

#include <cmath>

namespace cq {

namespace {

class AncestralRun : public SamplerRun {
 public:
  AncestralRun(const Ancestral& sampler, const std::vector<double>& alpha,
               const std::vector<double>& alpha_next, bool clip, at::Tensor x, NoiseSource noise)
      : sampler_(sampler),
        alpha_(alpha),
        alpha_next_(alpha_next),
        clip_(clip),
        x_(std::move(x)),
        noise_(noise) {}

  bool done() const override { return call_ == sampler_.calls(); }
  int64_t call() const override { return call_; }
  int64_t timestep() const override { return sampler_.timesteps()[size_t(call_)]; }
  const at::Tensor& x() const override { return x_; }

  void advance(const at::Tensor& eps) override {
    const double a = alpha_[size_t(call_)], a_next = alpha_next_[size_t(call_)];
    const double beta = 1 - a / a_next;  // of the strided chain
    auto x0 = (x_ - eps * std::sqrt(1 - a)) / std::sqrt(a);
    if (clip_) x0 = at::clamp(x0, -1, 1);
    // Posterior of q(x' | x, x0): equations 6 and 7.
    x_ = x0 * (std::sqrt(a_next) * beta / (1 - a)) +
         x_ * (std::sqrt(1 - beta) * (1 - a_next) / (1 - a));
    const double variance = beta * (1 - a_next) / (1 - a);
    if (variance > 0) {
      const auto z = noise_.draw(x_.size(0), x_.sizes().slice(1), uint64_t(call_) + 1);
      x_ = x_ + z.to(x_.device()) * std::sqrt(variance);
    }
    ++call_;
  }

 private:
  const Ancestral& sampler_;
  const std::vector<double>&alpha_, &alpha_next_;
  bool clip_;
  at::Tensor x_;
  NoiseSource noise_;
  int64_t call_ = 0;
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

Ancestral::Ancestral(const Parameters& p, const Diffusion& diffusion) : clip_(p.clip) {
  // Round-strided timesteps over 0 .. training - 1, as in improved diffusion and DiT.
  const double stride = p.steps > 1 ? double(diffusion.timesteps() - 1) / double(p.steps - 1) : 0;
  for (int64_t i = p.steps; i-- > 0;) {
    timesteps_.push_back(int64_t(std::llround(double(i) * stride)));
  }
  for (size_t i = 0; i < timesteps_.size(); ++i) {
    alpha_.push_back(diffusion.alpha_bar(timesteps_[i]));
    const bool last = i + 1 == timesteps_.size();
    alpha_next_.push_back(diffusion.alpha_bar(last ? -1 : timesteps_[i + 1]));
  }
}

std::unique_ptr<SamplerRun> Ancestral::start(at::Tensor x, const NoiseSource& noise) const {
  return std::make_unique<AncestralRun>(*this, alpha_, alpha_next_, clip_, std::move(x), noise);
}

}  // namespace cq
