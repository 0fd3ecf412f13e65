#include "cq/metrics/numerics/moments.h"

#include <algorithm>
#include <cmath>

#include "cq/base/error.h"

namespace cq {
namespace {

constexpr int64_t kGramColumns = 512;
constexpr int64_t kRowsAtOnce = 4096;

}  // namespace

void add_gram(at::Tensor& gram, const at::Tensor& rows) {
  const int64_t width = rows.size(1);
  for (int64_t begin = 0; begin < width; begin += kGramColumns) {
    const int64_t end = std::min(begin + kGramColumns, width);
    at::Tensor target = gram.slice(0, begin, end).slice(1, 0, end);
    target.addmm_(rows.slice(1, begin, end).t(), rows.slice(1, 0, end));
  }
}

at::Tensor mirror_lower(const at::Tensor& matrix) {
  return matrix.tril() + matrix.tril(-1).t();
}

void RunningMoments::add(const at::Tensor& rows) {
  if (rows.dim() != 2) {
    throw UsageError("[moments] features must be [samples, width], got {} dimensions", rows.dim());
  }
  for (int64_t begin = 0; begin < rows.size(0); begin += kRowsAtOnce) {
    const at::Tensor block = rows.slice(0, begin, begin + kRowsAtOnce).to(at::kDouble);
    const at::Tensor mean = block.mean(0);
    const at::Tensor centred = block - mean;
    at::Tensor second = at::zeros({rows.size(1), rows.size(1)}, at::kDouble);
    add_gram(second, centred);
    merge_moments(block.size(0), mean, second);
  }
}

void RunningMoments::merge(const RunningMoments& other) {
  if (other.count_ > 0) merge_moments(other.count_, other.mean_, other.second_);
}

void RunningMoments::merge_moments(int64_t count, const at::Tensor& mean,
                                   const at::Tensor& second) {
  if (count_ == 0) {
    count_ = count;
    mean_ = mean.clone();
    second_ = second.clone();
    return;
  }
  if (mean.size(0) != mean_.size(0)) {
    throw UsageError("[moments] features are {} wide, the earlier ones {}", mean.size(0),
                     mean_.size(0));
  }
  const auto total = static_cast<double>(count_ + count);
  const at::Tensor shift = mean - mean_;
  const double weight = static_cast<double>(count_) * static_cast<double>(count) / total;
  second_.add_(second).addr_(shift, shift, 1, weight);
  mean_.add_(shift, static_cast<double>(count) / total);
  count_ += count;
}

FeatureStatistics RunningMoments::statistics() const {
  if (count_ < 2) {
    throw UsageError("[moments] a covariance needs at least 2 samples, got {}", count_);
  }
  return {mean_.clone(), mirror_lower(second_) / static_cast<double>(count_ - 1), count_};
}

double settle(double value, double scale) {
  if (!(scale > 0) || !std::isfinite(scale) || !std::isfinite(value)) return value;
  const int place = 11 - static_cast<int>(std::floor(std::log10(scale)));
  // Powers of ten are exact up to 1e22; dividing by one gives the nearest double to the decimal.
  if (place > 22 || place < -22) return value;
  const double unit = std::pow(10.0, std::abs(place));
  const double rounded =
      place >= 0 ? std::round(value * unit) / unit : std::round(value / unit) * unit;
  return rounded == 0 ? 0.0 : rounded;
}

}  // namespace cq
