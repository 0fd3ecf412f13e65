#include "cq/metrics/numerics/frechet.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/where.h>

#include "cq/base/error.h"

namespace cq {
namespace {

constexpr int64_t kRowsAtOnce = 4096;
// Least share of a column's variance that its predecessors leave unexplained for Cholesky to be
// trusted: the factor then errs by about 1e-16 / sqrt(1e-8) of the column's deviation.
constexpr double kLeastUnexplained = 1e-8;

/// Calls `use` with block after block of the rows less `mean`, float64, in one buffer: fresh pages
/// for each cost a third of the time.
template <class Use>
void each_centred_block(const at::Tensor& features, const at::Tensor& mean, const Use& use) {
  const int64_t rows = features.size(0);
  const at::Tensor buffer =
      at::empty({std::min(rows, kRowsAtOnce), features.size(1)}, mean.options());
  for (int64_t begin = 0; begin < rows; begin += kRowsAtOnce) {
    const at::Tensor part = features.slice(0, begin, begin + kRowsAtOnce);
    const at::Tensor block = buffer.slice(0, 0, part.size(0));
    block.copy_(part);
    block.sub_(mean);
    use(block);
  }
}

at::Tensor mean_of_rows(const at::Tensor& features) {
  // The second round removes what the first one's rounding left where |mean| >> deviation.
  at::Tensor mean = at::zeros({features.size(1)}, at::kDouble);
  for (int round = 0; round < 2; ++round) {
    at::Tensor sum = at::zeros_like(mean);
    each_centred_block(features, mean, [&](const at::Tensor& block) { sum.add_(block.sum(0)); });
    mean = mean + sum / static_cast<double>(features.size(0));
  }
  return mean;
}

/// Triangular factor of the rows, block by block: QR of the factor so far on top of the next block.
at::Tensor blocked_qr(const at::Tensor& features, const at::Tensor& mean) {
  const int64_t step = std::max(2 * features.size(1), kRowsAtOnce);
  at::Tensor factor;
  for (int64_t begin = 0; begin < features.size(0); begin += step) {
    at::Tensor block = features.slice(0, begin, begin + step).to(at::kDouble) - mean;
    if (factor.defined()) block = at::cat({factor, block});
    factor = std::get<1>(at::linalg_qr(block, "r"));
  }
  return factor;
}

/// Triangular root of the Gram matrix where it is safely positive definite, else undefined. Columns
/// that never vary (dead units of a network) are left out and come back as zeros.
at::Tensor cholesky_root(const at::Tensor& gram) {
  const at::Tensor alive = gram.diagonal().gt(0).nonzero().squeeze(1);
  at::Tensor root = at::zeros({alive.size(0), gram.size(0)}, at::kDouble);
  if (alive.size(0) == 0) return root;
  const at::Tensor part = gram.index_select(0, alive).index_select(1, alive);
  const auto [lower, info] = at::linalg_cholesky_ex(part);
  if (info.item<int>() != 0) return {};
  const at::Tensor unexplained = lower.diagonal().square() / part.diagonal();
  if (!(unexplained.min().item<double>() > kLeastUnexplained)) return {};
  return root.index_copy_(1, alive, lower.t());
}

/// numpy.cov of a single column has no dimensions.
FeatureStatistics with_dimensions(const FeatureStatistics& given) {
  if (given.mean.numel() != 1 || given.covariance.numel() != 1) return given;
  return {given.mean.view({1}), given.covariance.view({1, 1}), given.count};
}

}  // namespace

void check_statistics(const FeatureStatistics& given, const std::string& origin) {
  const FeatureStatistics statistics = with_dimensions(given);
  const at::Tensor& mean = statistics.mean;
  const at::Tensor& covariance = statistics.covariance;
  if (mean.dim() != 1 || covariance.dim() != 2 || covariance.size(0) != mean.size(0) ||
      covariance.size(1) != mean.size(0) || mean.size(0) == 0) {
    throw UsageError(
        "[fid] {}: mu must be [D] and sigma [D, D], got mu with {} and sigma with {} values",
        origin, mean.numel(), covariance.numel());
  }
  if (!mean.isfinite().all().item<bool>() || !covariance.isfinite().all().item<bool>()) {
    throw RunError("[fid] {}: mu or sigma hold NaN or infinity", origin);
  }
  const double largest = covariance.abs().max().item<double>();
  const double skew = (covariance - covariance.t()).abs().max().item<double>();
  if (skew > 1e-6 * largest) {
    throw UsageError("[fid] {}: sigma is not symmetric (entries differ by up to {:.3g})", origin,
                     skew);
  }
  const double least = covariance.diagonal().min().item<double>();
  if (least < 0) {
    throw UsageError("[fid] {}: sigma has a negative variance ({:.6g})", origin, least);
  }
}

GaussianRoot gaussian_root(const at::Tensor& features) {
  const int64_t rows = features.size(0);
  if (features.dim() != 2 || rows < 2) {
    throw UsageError("[fid] needs at least 2 samples to have a covariance, got {}", rows);
  }
  GaussianRoot result;
  result.mean = mean_of_rows(features);
  const double scale = 1 / std::sqrt(static_cast<double>(rows - 1));
  if (rows <= features.size(1)) {
    result.root = (features.to(at::kDouble) - result.mean) * scale;
    result.trace = result.root.square().sum().item<double>();
    return result;
  }
  at::Tensor gram = at::zeros({features.size(1), features.size(1)}, at::kDouble);
  each_centred_block(features, result.mean,
                     [&](const at::Tensor& block) { add_gram(gram, block); });
  gram = mirror_lower(gram);
  result.trace = gram.trace().item<double>() / static_cast<double>(rows - 1);
  at::Tensor root = cholesky_root(gram);
  if (!root.defined()) root = blocked_qr(features, result.mean);
  result.root = root * scale;
  return result;
}

GaussianRoot gaussian_root(const FeatureStatistics& given, const std::string& origin) {
  const FeatureStatistics statistics =
      with_dimensions({given.mean.to(at::kDouble), given.covariance.to(at::kDouble), given.count});
  check_statistics(statistics, origin);
  const at::Tensor symmetric = (statistics.covariance + statistics.covariance.t()) / 2;
  const auto [values, vectors] = at::linalg_eigh(symmetric);
  const double largest = values.max().item<double>();
  const double least = values.min().item<double>();
  if (least < -1e-4 * std::max(largest, 0.0)) {
    throw UsageError("[fid] {}: sigma is no covariance (eigenvalues {:.6g} .. {:.6g})", origin,
                     least, largest);
  }
  // What is zero in a singular covariance comes out at the rounding of the largest, and its root
  // would count 1e-8 of that one's.
  const double noise = largest * 0x1p-52 * static_cast<double>(values.numel());
  GaussianRoot result;
  result.mean = statistics.mean;
  result.root = at::where(values.gt(noise), values, 0.0).sqrt().unsqueeze(1) * vectors.t();
  result.trace = symmetric.trace().item<double>();
  return result;
}

double frechet_distance(const GaussianRoot& a, const GaussianRoot& b) {
  if (a.mean.size(0) != b.mean.size(0)) {
    throw UsageError(
        "[fid] generated features are {} wide, the reference's {}: one network must "
        "have made both",
        a.mean.size(0), b.mean.size(0));
  }
  const double shift = (a.mean - b.mean).square().sum().item<double>();
  const double overlap = at::linalg_svdvals(a.root.mm(b.root.t())).sum().item<double>();
  // Overlap counts twice: the settled scale is that of what cancels.
  return settle(shift + a.trace + b.trace - 2 * overlap, shift + a.trace + b.trace);
}

}  // namespace cq
