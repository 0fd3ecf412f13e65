#pragma once
#include <cmath>
#include <vector>

#include "cq/core/samplers/spacing.h"
#include "cq/core/tensor.h"

namespace cq {

/// A noise level as solvers in the half-log-SNR lambda see it: x = alpha x0 + sigma eps,
/// lambda = log(alpha / sigma), infinite where there is no noise.
struct NoiseLevel {
  double alpha, sigma, lambda;

  explicit NoiseLevel(double alpha_bar)
      : alpha(std::sqrt(alpha_bar)),
        sigma(std::sqrt(1 - alpha_bar)),
        lambda(std::log(alpha) - std::log(sigma)) {}

  at::Tensor clean(const at::Tensor& x, const at::Tensor& eps) const {
    return (x - eps * sigma) / alpha;
  }
};

/// Level before each step of a grid, and at the end: S + 1.
inline std::vector<NoiseLevel> noise_levels(const StepGrid& grid) {
  std::vector<NoiseLevel> levels(grid.alpha.begin(), grid.alpha.end());
  levels.emplace_back(grid.alpha_next.back());
  return levels;
}

}  // namespace cq
