#include "cq/core/samplers/ddim.h"

#include <cmath>

#include "cq/core/samplers/run.h"

namespace cq {

namespace {

class DdimRun : public CountedRun {
 public:
  DdimRun(const Ddim& sampler, const StepGrid& grid, double eta, at::Tensor x,
          const NoiseSource& noise)
      : CountedRun(sampler, std::move(x), noise), grid_(grid), eta_(eta) {}

 private:
  // x0 = (x - sqrt(1-a) eps) / sqrt(a);  x' = sqrt(a') x0 + sqrt(1-a'-sigma^2) eps + sigma z
  at::Tensor next(const NoisePrediction& prediction) override {
    const double a = grid_.alpha[size_t(call())], a_next = grid_.alpha_next[size_t(call())];
    const double sigma = eta_ * std::sqrt((1 - a_next) / (1 - a) * (1 - a / a_next));
    const double from_x = std::sqrt(a_next / a);
    const double from_eps =
        std::sqrt(std::max(0.0, 1 - a_next - sigma * sigma)) - from_x * std::sqrt(1 - a);
    auto moved = x() * from_x + prediction.eps * from_eps;
    return sigma > 0 ? moved + noise() * sigma : moved;
  }

  const StepGrid& grid_;
  double eta_;
};

std::string final_of(const DdimParameters& p) {
  if (p.final != "auto") return p.final;
  return p.spacing == "ldm" ? "first" : "one";
}

}  // namespace

const config::Params<DdimParameters>& Ddim::parameters() {
  using P = DdimParameters;
  static const auto params =
      config::Params<P>()
          .field("steps", &P::steps, "denoising steps T", {1, 1000}, "steps")
          .field("eta", &P::eta, "0: deterministic, 1: as noisy as DDPM", {0, 1})
          .field("spacing", &P::spacing,
                 "timesteps: ldm = 1, 1 + 1000/S, ...; even = 0, 1000/S, ...; quad = squares up "
                 "to 800; trailing = 999, 999 - 1000/S, ...")
          .choices({"ldm", "even", "quad", "trailing"})
          .field(
              "final", &P::final,
              "where the last step ends: first = alpha_bar[0] (LDM code), one = the clean sample "
              "(DDIM code for CIFAR-10), auto = first with ldm spacing and one with others")
          .choices({"auto", "first", "one"});
  return params;
}

Ddim::Ddim(const Parameters& p, const Diffusion& diffusion)
    : eta_(p.eta), grid_(make_step_grid(diffusion, p.spacing, p.steps, final_of(p))) {}

std::unique_ptr<SamplerRun> Ddim::start(at::Tensor x, const NoiseSource& noise) const {
  return std::make_unique<DdimRun>(*this, grid_, eta_, std::move(x), noise);
}

}  // namespace cq
