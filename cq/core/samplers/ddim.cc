#include "cq/core/samplers/ddim.h"

#include <cmath>

namespace cq {

namespace {

class DdimRun : public SamplerRun {
 public:
  DdimRun(const Ddim& sampler, const std::vector<double>& alpha,
          const std::vector<double>& alpha_next, double eta, at::Tensor x, NoiseSource noise)
      : sampler_(sampler),
        alpha_(alpha),
        alpha_next_(alpha_next),
        eta_(eta),
        x_(std::move(x)),
        noise_(noise) {}

  bool done() const override { return call_ == sampler_.calls(); }
  int64_t call() const override { return call_; }
  int64_t timestep() const override { return sampler_.timesteps()[size_t(call_)]; }
  const at::Tensor& x() const override { return x_; }

  void advance(const at::Tensor& eps) override {
    const double a = alpha_[size_t(call_)], a_next = alpha_next_[size_t(call_)];
    const double sigma = eta_ * std::sqrt((1 - a_next) / (1 - a) * (1 - a / a_next));
    // x0 = (x - sqrt(1-a) eps) / sqrt(a);  x' = sqrt(a') x0 + sqrt(1-a'-sigma^2) eps + sigma z
    const double from_x = std::sqrt(a_next / a);
    const double from_eps = std::sqrt(1 - a_next - sigma * sigma) - from_x * std::sqrt(1 - a);
    x_ = x_ * from_x + eps * from_eps;
    if (sigma > 0) {
      const auto z = noise_.draw(x_.size(0), x_.sizes().slice(1), uint64_t(call_) + 1);
      x_ = x_ + z.to(x_.device()) * sigma;
    }
    ++call_;
  }

 private:
  const Ddim& sampler_;
  const std::vector<double>&alpha_, &alpha_next_;
  double eta_;
  at::Tensor x_;
  NoiseSource noise_;
  int64_t call_ = 0;
};

}  // namespace

const config::Params<DdimParameters>& Ddim::parameters() {
  using P = DdimParameters;
  static const auto params =
      config::Params<P>()
          .field("steps", &P::steps, "denoising steps T", {1, 1000}, "steps")
          .field("eta", &P::eta, "0: deterministic, 1: as noisy as DDPM", {0, 1})
          .field("spacing", &P::spacing,
                 "timesteps: ldm = 1, 1 + 1000/S, ... and the last step ends at alpha_bar[0]; "
                 "quad = squares up to 800, ends at 1 (CIFAR-10 of the DDIM code)")
          .choices({"ldm", "quad"});
  return params;
}

Ddim::Ddim(const Parameters& p, const Diffusion& diffusion) : eta_(p.eta) {
  if (p.spacing == "ldm") {
    timesteps_ = ldm_timesteps(diffusion.timesteps(), p.steps);
  } else {
    const double top = std::sqrt(0.8 * double(diffusion.timesteps()));
    for (int64_t i = p.steps; i-- > 0;) {
      const double root = p.steps > 1 ? top * double(i) / double(p.steps - 1) : 0;
      timesteps_.push_back(int64_t(root * root));
    }
  }
  for (size_t i = 0; i < timesteps_.size(); ++i) {
    alpha_.push_back(diffusion.alpha_bar(timesteps_[i]));
    const bool last = i + 1 == timesteps_.size();
    const int64_t final_step = p.spacing == "ldm" ? 0 : -1;
    alpha_next_.push_back(diffusion.alpha_bar(last ? final_step : timesteps_[i + 1]));
  }
}

std::unique_ptr<SamplerRun> Ddim::start(at::Tensor x, const NoiseSource& noise) const {
  return std::make_unique<DdimRun>(*this, alpha_, alpha_next_, eta_, std::move(x), noise);
}

}  // namespace cq
