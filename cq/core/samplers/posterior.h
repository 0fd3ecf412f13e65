#pragma once
#include <cmath>

#include <ATen/ops/clamp.h>

#include "cq/core/samplers/spacing.h"
#include "cq/core/tensor.h"

namespace cq {

/// One step of a strided chain: q(x' | x, x0) = N(x0_weight x0 + x_weight x, variance), equations 6
/// and 7 of Ho et al. 2020 with beta = 1 - a / a'.
struct Posterior {
  double beta, variance, x0_weight, x_weight;

  Posterior(double a, double a_next)
      : beta(1 - a / a_next),
        variance(beta * (1 - a_next) / (1 - a)),
        x0_weight(std::sqrt(a_next) * beta / (1 - a)),
        x_weight(std::sqrt(1 - beta) * (1 - a_next) / (1 - a)) {}

  /// `a` of the step, the predicted noise, and x -> mean; x0 clipped to -1..1 if asked.
  at::Tensor mean(double a, const at::Tensor& eps, const at::Tensor& x, bool clip) const {
    auto x0 = (x - eps * std::sqrt(1 - a)) / std::sqrt(a);
    if (clip) x0 = at::clamp(x0, -1, 1);
    return x0 * x0_weight + x * x_weight;
  }
};

/// Posteriors of all steps of a grid; the last one has no variance.
inline std::vector<Posterior> posteriors(const StepGrid& grid) {
  std::vector<Posterior> all;
  for (size_t i = 0; i < grid.alpha.size(); ++i) {
    all.emplace_back(grid.alpha[i], grid.alpha_next[i]);
  }
  return all;
}

}  // namespace cq
