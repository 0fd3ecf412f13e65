#include "cq/metrics/numerics/kernel_distance.h"

#include <algorithm>
#include <cmath>

#include "cq/base/error.h"
#include "cq/core/parallel.h"
#include "cq/metrics/numerics/kernel_sums.h"
#include "cq/metrics/numerics/moments.h"
#include "cq/metrics/numerics/numpy_random.h"

namespace cq {
namespace {

// Marks of which rows are in which subsets, at most.
constexpr int64_t kMarksAtOnce = 1 << 24;

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

/// Mean kernels of the pairs of rows within x, within y, and across.
struct PairMeans {
  double x = 0;
  double y = 0;
  double across = 0;

  double distance() const { return x + y - 2 * across; }
  /// What cancels in the distance.
  double scale() const { return std::abs(x) + std::abs(y); }
};

struct SubsetPair {
  std::vector<int64_t> x;
  std::vector<int64_t> y;
};

PairMeans means_of(double x, double y, double across, int64_t size) {
  const auto n = static_cast<double>(size);
  return {x / (n * (n - 1)), y / (n * (n - 1)), across / (n * n)};
}

/// Whether all products of the two sets cost less than those of every pair of subsets.
bool whole_is_cheaper(const at::Tensor& x, const at::Tensor& y,
                      const std::vector<SubsetPair>& pairs) {
  const auto m = static_cast<double>(x.size(0)), n = static_cast<double>(y.size(0));
  const auto width = static_cast<double>(x.size(1)), subsets = static_cast<double>(pairs.size());
  const auto size = static_cast<double>(pairs.front().x.size());
  return (m * m / 2 + n * n / 2 + m * n) * (width + subsets) < 2 * size * size * subsets * width;
}

std::vector<PairMeans> of_the_whole(const at::Tensor& x, const at::Tensor& y,
                                    const std::vector<SubsetPair>& pairs) {
  const auto count = static_cast<int64_t>(pairs.size());
  at::Tensor in_x = at::zeros({x.size(0), count}, at::kDouble);
  at::Tensor in_y = at::zeros({y.size(0), count}, at::kDouble);
  for (int64_t s = 0; s < count; ++s) {
    const SubsetPair& pair = pairs[static_cast<size_t>(s)];
    for (const int64_t row : pair.x) in_x.data_ptr<double>()[row * count + s] = 1;
    for (const int64_t row : pair.y) in_y.data_ptr<double>()[row * count + s] = 1;
  }
  const ProductKernel kernel = cubic_kernel(x.size(1));
  const at::Tensor a = x.to(at::kDouble), b = y.to(at::kDouble);
  const at::Tensor of_x = subset_kernel_sums_within(a, in_x, kernel);
  const at::Tensor of_y = subset_kernel_sums_within(b, in_y, kernel);
  const at::Tensor across = subset_kernel_sums(a, b, in_x, in_y, kernel);
  std::vector<PairMeans> result;
  for (int64_t s = 0; s < count; ++s) {
    result.push_back(means_of(of_x.const_data_ptr<double>()[s], of_y.const_data_ptr<double>()[s],
                              across.const_data_ptr<double>()[s],
                              static_cast<int64_t>(pairs[static_cast<size_t>(s)].x.size())));
  }
  return result;
}

std::vector<PairMeans> one_by_one(const at::Tensor& x, const at::Tensor& y,
                                  const std::vector<SubsetPair>& pairs) {
  const auto count = static_cast<int64_t>(pairs.size());
  const ProductKernel kernel = cubic_kernel(x.size(1));
  std::vector<PairMeans> result(pairs.size());
  const auto compute = [&](int64_t first, int64_t last) {
    for (auto s = static_cast<size_t>(first); s < static_cast<size_t>(last); ++s) {
      const at::Tensor a = rows_of(x, pairs[s].x), b = rows_of(y, pairs[s].y);
      result[s] = means_of(kernel_sums_within(a, kernel).sum().item<double>(),
                           kernel_sums_within(b, kernel).sum().item<double>(),
                           kernel_sums(a, b, kernel).rows.sum().item<double>(), a.size(0));
    }
  };
  // Few subsets leave the threads to the blocks of each; the digits are the same.
  if (count < at::get_num_threads()) {
    compute(0, count);
  } else {
    parallel_for(0, count, 1, compute);
  }
  return result;
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
  const ProductKernel kernel = cubic_kernel(x.size(1));
  const at::Tensor a = x.to(at::kDouble), b = y.to(at::kDouble);
  const KernelSums across = kernel_sums(a, b, kernel);
  const at::Tensor of_x = kernel_sums_within(a, kernel) / (m - 1);
  const at::Tensor of_y = kernel_sums_within(b, kernel) / (n - 1);
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
  const KernelSums across = kernel_sums(a, b, gaussian_kernel(a, b, gamma));
  // The kernel of a row with itself is 1.
  const at::Tensor of_x = (kernel_sums_within(a, gaussian_kernel(a, a, gamma)) + 1) / m;
  const at::Tensor of_y = (kernel_sums_within(b, gaussian_kernel(b, b, gamma)) + 1) / n;
  const double mean_x = of_x.mean().item<double>(), mean_y = of_y.mean().item<double>();
  const double mean_across = across.rows.sum().item<double>() / (m * n);
  const double variance = pair_variance(of_x - across.rows / n, of_y - across.columns / m);
  return {settle(scale * (mean_x + mean_y - 2 * mean_across), 2 * scale),
          settle(scale * std::sqrt(variance), 2 * scale)};
}

Spread kernel_distance_subsets(const at::Tensor& x, const at::Tensor& y, int64_t subsets,
                               int64_t size, uint32_t seed) {
  check_widths("kid", x, y);
  const int64_t fewest = std::min(x.size(0), y.size(0));
  if (size < 2 || size > fewest) {
    throw UsageError(
        "[kid] a subset of {} does not fit sets of {} and {} samples: use "
        "--kid-subset-size 2..{} or all",
        size, x.size(0), y.size(0), fewest);
  }
  NumpyRandom random(seed);
  std::vector<double> values;
  double scale = 0;
  const int64_t at_once = std::max<int64_t>(kMarksAtOnce / (x.size(0) + y.size(0)), 64);
  for (int64_t begin = 0; begin < subsets; begin += at_once) {
    std::vector<SubsetPair> pairs(static_cast<size_t>(std::min(at_once, subsets - begin)));
    for (SubsetPair& pair : pairs) {
      pair.x = random.choice(x.size(0), size);
      pair.y = random.choice(y.size(0), size);
    }
    const auto chosen =
        whole_is_cheaper(x, y, pairs) ? of_the_whole(x, y, pairs) : one_by_one(x, y, pairs);
    for (const PairMeans& means : chosen) {
      values.push_back(means.distance());
      scale += means.scale() / static_cast<double>(subsets);
    }
  }
  const Spread spread = spread_of(values);
  return {settle(spread.mean, scale), settle(spread.std, scale)};
}

}  // namespace cq
