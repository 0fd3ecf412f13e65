#include "cq/core/samplers/unipc.h"

#include <algorithm>
#include <cmath>

#include "cq/core/samplers/run.h"

namespace cq {

namespace {

using Vector = std::vector<double>;

/// Weights rho with sum_m rho_m r_m^k = c_k for k = 0 .. n - 1: a Vandermonde system of at most
/// three unknowns, by Gaussian elimination; the r are distinct.
Vector solve_powers(const Vector& r, Vector c) {
  const size_t n = r.size();
  std::vector<Vector> rows(n, Vector(n));
  for (size_t k = 0; k < n; ++k) {
    for (size_t m = 0; m < n; ++m) rows[k][m] = std::pow(r[m], double(k));
  }
  for (size_t k = 0; k < n; ++k) {
    for (size_t i = k + 1; i < n; ++i) {
      const double factor = rows[i][k] / rows[k][k];
      for (size_t m = k; m < n; ++m) rows[i][m] -= factor * rows[k][m];
      c[i] -= factor * c[k];
    }
  }
  for (size_t k = n; k-- > 0;) {
    for (size_t m = k + 1; m < n; ++m) c[k] -= rows[k][m] * c[m];
    c[k] /= rows[k][k];
  }
  return c;
}

class UniPcRun : public CountedRun {
 public:
  UniPcRun(const UniPc& sampler, const UniPcParameters& parameters,
           const std::vector<NoiseLevel>& levels, at::Tensor x, const NoiseSource& noise)
      : CountedRun(sampler, std::move(x), noise), p_(parameters), levels_(levels) {}

 private:
  at::Tensor next(const NoisePrediction& prediction) override {
    const auto i = size_t(call());
    const auto clean = levels_[i].clean(x(), prediction.eps);
    const auto corrected = i == 0 ? x() : update(i - 1, order_, start_, &clean);
    past_.push_back(clean);
    if (past_.size() > size_t(p_.order)) past_.erase(past_.begin());
    start_ = corrected;
    // The last steps go down in order, so that the end is taken with the first.
    order_ = std::min({size_t(p_.order), levels_.size() - 1 - i, past_.size()});
    return update(i, order_, start_, nullptr);
  }

  /// From level i to i + 1: x' = sigma'/sigma x - alpha' (exp(-h) - 1) m0 - alpha' B sum_m rho_m
  /// D_m / r_m, where D_m = m_m - m0 are differences to predictions at levels i - m and, in the
  /// corrector, at i + 1 (`target`). past_ ends with m0.
  at::Tensor update(size_t i, size_t order, const at::Tensor& x, const at::Tensor* target) const {
    const auto &from = levels_[i], &to = levels_[i + 1];
    const double h = to.lambda - from.lambda, phi = std::expm1(-h);
    const auto& m0 = past_.back();
    auto result = x * (to.sigma / from.sigma) - m0 * (to.alpha * phi);
    Vector r;
    std::vector<at::Tensor> slopes;
    for (size_t m = 1; m < order; ++m) {
      r.push_back((levels_[i - m].lambda - from.lambda) / h);
      slopes.push_back((past_[past_.size() - 1 - m] - m0) / r.back());
    }
    if (target != nullptr) {
      r.push_back(1);
      slopes.push_back(*target - m0);
    }
    if (slopes.empty()) return result;
    const double scale = p_.variant == "bh1" ? -h : phi;
    const Vector rho = weights(r, h, scale);
    for (size_t m = 0; m < slopes.size(); ++m) {
      result = result - slopes[m] * (to.alpha * scale * rho[m]);
    }
    return result;
  }

  /// With one difference the authors take 1/2 in place of the solution.
  static Vector weights(const Vector& r, double h, double scale) {
    if (r.size() == 1) return {0.5};
    // phi_1 = (exp(-h) - 1) / -h,  phi_{k+1} = (phi_k - 1/k!) / -h;  c_k = k! phi_{k+1} (-h) / B
    Vector c;
    double phi = std::expm1(-h) / -h - 1, factorial = 1;
    for (size_t k = 1; k <= r.size(); ++k) {
      c.push_back(phi * factorial / scale);
      factorial *= double(k + 1);
      phi = phi / -h - 1 / factorial;
    }
    return solve_powers(r, c);
  }

  const UniPcParameters& p_;
  const std::vector<NoiseLevel>& levels_;
  std::vector<at::Tensor> past_;  ///< predicted x0, newest last
  at::Tensor start_;              ///< x before the last predictor
  size_t order_ = 1;              ///< of the last predictor
};

}  // namespace

const config::Params<UniPcParameters>& UniPc::parameters() {
  using P = UniPcParameters;
  static const auto params =
      config::Params<P>()
          .field("steps", &P::steps, "denoising steps T", {1, 1000}, "steps")
          .field("order", &P::order, "of the predictor; the corrector has one more", {1, 3})
          .field("variant", &P::variant, "the function B(h): bh1 = h, bh2 = exp(h) - 1")
          .choices({"bh1", "bh2"})
          .field("spacing", &P::spacing,
                 "timesteps: linspace = 999, 999 - 999/S, ...; trailing = 999, 999 - 1000/S, ...; "
                 "leading = 1 + i int(1000/(S + 1)), as diffusers' Stable Diffusion pipeline")
          .choices({"linspace", "trailing", "leading"})
          .field("final", &P::final,
                 "where the last step ends: one = the clean sample, first = alpha_bar[0]")
          .choices({"one", "first"});
  return params;
}

UniPc::UniPc(const Parameters& p, const Diffusion& diffusion)
    : parameters_(p),
      grid_(make_step_grid(diffusion, p.spacing, p.steps, p.final)),
      levels_(noise_levels(grid_)) {}

std::unique_ptr<SamplerRun> UniPc::start(at::Tensor x, const NoiseSource& noise) const {
  return std::make_unique<UniPcRun>(*this, parameters_, levels_, std::move(x), noise);
}

}  // namespace cq
