#include "cq/metrics/numerics/kernel_distance.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "cq/base/error.h"
#include "cq/metrics/numerics/moments.h"
#include "cq/metrics/numerics/numpy_random.h"

namespace cq {
namespace {

constexpr int64_t kRowsAtOnce = 2048;

/// Kernel of each row of one block with each of another, float64.
using Kernel = std::function<at::Tensor(const at::Tensor&, const at::Tensor&)>;

at::Tensor cubic(const at::Tensor& x, const at::Tensor& y) {
  const at::Tensor base = x.mm(y.t()).div_(static_cast<double>(x.size(1))).add_(1.0);
  return base.square().mul_(base);
}

/// Row and column sums of the kernel between two sets.
struct KernelSums {
  at::Tensor rows;     // [m]
  at::Tensor columns;  // [n]
};

KernelSums between(const at::Tensor& x, const at::Tensor& y, const Kernel& kernel_of) {
  KernelSums sums{at::zeros({x.size(0)}, at::kDouble), at::zeros({y.size(0)}, at::kDouble)};
  for (int64_t i = 0; i < x.size(0); i += kRowsAtOnce) {
    const at::Tensor left = x.slice(0, i, i + kRowsAtOnce).to(at::kDouble);
    for (int64_t j = 0; j < y.size(0); j += kRowsAtOnce) {
      const at::Tensor right = y.slice(0, j, j + kRowsAtOnce).to(at::kDouble);
      const at::Tensor kernel = kernel_of(left, right);
      sums.rows.slice(0, i, i + kRowsAtOnce).add_(kernel.sum(1));
      sums.columns.slice(0, j, j + kRowsAtOnce).add_(kernel.sum(0));
    }
  }
  return sums;
}

/// For each row, the sum of its kernel with all other rows; the lower triangle of blocks is enough.
at::Tensor within(const at::Tensor& x, const Kernel& kernel_of) {
  at::Tensor sums = at::zeros({x.size(0)}, at::kDouble);
  for (int64_t i = 0; i < x.size(0); i += kRowsAtOnce) {
    const at::Tensor left = x.slice(0, i, i + kRowsAtOnce).to(at::kDouble);
    for (int64_t j = 0; j <= i; j += kRowsAtOnce) {
      const at::Tensor right = x.slice(0, j, j + kRowsAtOnce).to(at::kDouble);
      const at::Tensor kernel = kernel_of(left, right);
      if (i == j) kernel.fill_diagonal_(0);
      sums.slice(0, i, i + kRowsAtOnce).add_(kernel.sum(1));
      if (i != j) sums.slice(0, j, j + kRowsAtOnce).add_(kernel.sum(0));
    }
  }
  return sums;
}

at::Tensor rows_of(const at::Tensor& features, const std::vector<int64_t>& rows) {
  const at::Tensor index =
      at::from_blob(const_cast<int64_t*>(rows.data()), {static_cast<int64_t>(rows.size())},
                    at::TensorOptions().dtype(at::kLong));
  return features.index_select(0, index).to(at::kDouble);
}

void check_widths(const char* owner, const at::Tensor& x, const at::Tensor& y) {
  if (x.size(1) == y.size(1)) return;
  throw UsageError(
      "[{}] generated features are {} wide, the reference's {}: one network must have made both",
      owner, x.size(1), y.size(1));
}

/// First-order variance of a difference of means over pairs (Hoeffding 1948).
double pair_variance(const at::Tensor& of_x, const at::Tensor& of_y) {
  return 4 * of_x.var().item<double>() / static_cast<double>(of_x.numel()) +
         4 * of_y.var().item<double>() / static_cast<double>(of_y.numel());
}

}  // namespace

Spread spread_of(const std::vector<double>& values) {
  Spread result;
  for (const double value : values) result.mean += value / static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.std = std::sqrt(squares / static_cast<double>(values.size()));
  return result;
}

KernelDistance kernel_distance(const at::Tensor& x, const at::Tensor& y) {
  check_widths("kid", x, y);
  const auto m = static_cast<double>(x.size(0));
  const auto n = static_cast<double>(y.size(0));
  if (m < 2 || n < 2) {
    throw UsageError("[kid] needs at least 2 samples on each side, got {} and {}", x.size(0),
                     y.size(0));
  }
  const KernelSums across = between(x, y, cubic);
  const at::Tensor of_x = within(x, cubic) / (m - 1);
  const at::Tensor of_y = within(y, cubic) / (n - 1);
  const double mean_x = of_x.mean().item<double>();
  const double mean_y = of_y.mean().item<double>();
  const double mean_across = across.rows.sum().item<double>() / (m * n);
  const double variance = pair_variance(of_x - across.rows / n, of_y - across.columns / m);
  const double scale = std::abs(mean_x) + std::abs(mean_y);
  return {settle(mean_x + mean_y - 2 * mean_across, scale), settle(std::sqrt(variance), scale)};
}

KernelDistance gaussian_kernel_distance(const at::Tensor& x, const at::Tensor& y, double sigma,
                                        double scale) {
  check_widths("cmmd", x, y);
  const auto m = static_cast<double>(x.size(0));
  const auto n = static_cast<double>(y.size(0));
  const double gamma = 1 / (2 * sigma * sigma);
  // Distances do not see a common shift, and short vectors round less.
  const at::Tensor centre = y.mean(0, false, at::kDouble);
  const at::Tensor a = x.to(at::kDouble) - centre, b = y.to(at::kDouble) - centre;
  const Kernel gaussian = [gamma](const at::Tensor& left, const at::Tensor& right) {
    const at::Tensor squares = left.square().sum(1).unsqueeze(1) + right.square().sum(1);
    return squares.sub_(left.mm(right.t()), 2).clamp_min_(0).mul_(-gamma).exp_();
  };
  const KernelSums across = between(a, b, gaussian);
  // The kernel of a row with itself is 1.
  const at::Tensor of_x = (within(a, gaussian) + 1) / m;
  const at::Tensor of_y = (within(b, gaussian) + 1) / n;
  const double mean_x = of_x.mean().item<double>(), mean_y = of_y.mean().item<double>();
  const double mean_across = across.rows.sum().item<double>() / (m * n);
  const double variance = pair_variance(of_x - across.rows / n, of_y - across.columns / m);
  return {settle(scale * (mean_x + mean_y - 2 * mean_across), 2 * scale),
          settle(scale * std::sqrt(variance), 2 * scale)};
}

Spread kernel_distance_subsets(const at::Tensor& x, const at::Tensor& y, int64_t subsets,
                               int64_t size, uint32_t seed) {
  const int64_t fewest = std::min(x.size(0), y.size(0));
  if (size < 2 || size > fewest) {
    throw UsageError(
        "[kid] a subset of {} does not fit sets of {} and {} samples: use "
        "--kid-subset-size 2..{} or all",
        size, x.size(0), y.size(0), fewest);
  }
  NumpyRandom random(seed);
  std::vector<double> values;
  for (int64_t s = 0; s < subsets; ++s) {
    const std::vector<int64_t> left = random.choice(x.size(0), size);
    const std::vector<int64_t> right = random.choice(y.size(0), size);
    values.push_back(kernel_distance(rows_of(x, left), rows_of(y, right)).value);
  }
  return spread_of(values);
}

}  // namespace cq
