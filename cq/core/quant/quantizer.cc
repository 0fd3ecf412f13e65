#include "cq/core/quant/quantizer.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/aminmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/fake_quantize_per_tensor_affine.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>

#include "cq/base/error.h"
#include "cq/core/parallel.h"

namespace cq {

namespace {

constexpr double kPower = 2.4;
constexpr double kLeastScale = 1e-12;
/// Weights whose range is searched at once by one thread.
constexpr int64_t kSearched = 32768;

double levels(int64_t bits) {
  return double((int64_t(1) << bits) - 1);
}

double shrink(int64_t i) {
  return 1 - double(i) / 100;
}

}  // namespace

QuantRange range_of(double min, double max, int64_t bits) {
  min = std::min(min, 0.0);
  max = std::max(max, 0.0);
  const double scale = std::max((max - min) / levels(bits), kLeastScale);
  return {scale, int64_t(std::clamp(std::nearbyint(-min / scale), 0.0, levels(bits)))};
}

at::Tensor fake_quantize(const at::Tensor& x, const QuantRange& range, int64_t bits) {
  return at::fake_quantize_per_tensor_affine(x, range.scale, range.zero_point, 0,
                                             int64_t(levels(bits)));
}

ValueSample::ValueSample(int64_t count, int64_t limit)
    : stride_(std::max<int64_t>(1, count / limit)) {
  values_.reserve(size_t(count / stride_ + 1));
}

void ValueSample::add(const at::Tensor& x) {
  const auto flat = x.reshape({-1});
  const auto [least, most] = at::aminmax(flat);
  const double low = least.item<double>(), high = most.item<double>();
  if (!std::isfinite(low) || !std::isfinite(high)) {
    throw RunError("[calibration] an activation is not finite");
  }
  min_ = values_.empty() ? low : std::min(low, min_);
  max_ = values_.empty() ? high : std::max(high, max_);
  if (next_ < flat.numel()) {
    const auto taken =
        flat.slice(0, next_, c10::nullopt, stride_).to(at::kCPU, at::kFloat).contiguous();
    values_.insert(values_.end(), taken.data_ptr<float>(), taken.data_ptr<float>() + taken.numel());
    next_ += taken.numel() * stride_;
  }
  next_ -= flat.numel();
}

void ValueHistogram::widen(double min, double max) {
  const auto old = std::move(counts_);
  const double old_min = min_, old_width = (max_ - min_) / double(bins);
  counts_.assign(bins, 0);
  min_ = min;
  max_ = max;
  if (old.empty()) return;
  const double width = std::max((max_ - min_) / double(bins), kLeastScale);
  for (size_t i = 0; i < old.size(); ++i) {
    const double centre = old_min + (double(i) + 0.5) * old_width;
    const auto bin = std::clamp(int64_t((centre - min_) / width), int64_t(0), bins - 1);
    counts_[size_t(bin)] += old[i];
  }
}

void ValueHistogram::add(const ValueSample& sample) {
  const double low = sample.min(), high = sample.max();
  if (empty() || low < min_ || high > max_) {
    widen(empty() ? low : std::min(low, min_), empty() ? high : std::max(high, max_));
  }
  const double inverse = double(bins) / std::max(max_ - min_, kLeastScale);
  for (const float value : sample.values()) {
    const auto bin = std::min(int64_t((double(value) - min_) * inverse), bins - 1);
    counts_[size_t(bin)] += 1;
  }
}

QuantRange ValueHistogram::search(int64_t bits) const {
  QuantRange best;
  double least = -1;
  const double width = (max_ - min_) / double(bins), top = levels(bits);
  for (int64_t i = 0; i < 80; i += 2) {
    const auto range = range_of(min_ * shrink(i), max_ * shrink(i), bits);
    double score = 0;
    for (int64_t b = 0; b < bins && (least < 0 || score < least); ++b) {
      if (counts_[size_t(b)] == 0) continue;
      const double x = min_ + (double(b) + 0.5) * width;
      const double q =
          std::clamp(std::nearbyint(x / range.scale) + double(range.zero_point), 0.0, top);
      const double error = std::abs(x - (q - double(range.zero_point)) * range.scale);
      score += counts_[size_t(b)] * std::pow(error, kPower);
    }
    if (least < 0 || score < least) {
      least = score;
      best = range;
    }
  }
  return best;
}

namespace {

/// Extremes of the rows, widened to hold zero.
struct RowExtremes {
  at::Tensor low, high;
};

RowExtremes extremes_of(const at::Tensor& rows, bool symmetric) {
  RowExtremes e{at::clamp(std::get<0>(rows.min(1)), c10::nullopt, 0.0),
                at::clamp(std::get<0>(rows.max(1)), 0.0)};
  if (symmetric) {
    e.high = at::maximum(e.high, -e.low);
    e.low = -e.high;
  }
  return e;
}

WeightRanges ranges_between(const RowExtremes& e, double factor, int64_t bits, bool symmetric) {
  WeightRanges ranges;
  const double steps = symmetric ? levels(bits) - 1 : levels(bits);
  ranges.scale = at::clamp((e.high - e.low) * (factor / steps), kLeastScale);
  ranges.zero_point = symmetric ? at::full_like(ranges.scale, double(int64_t(1) << (bits - 1)))
                                : at::round(-e.low * factor / ranges.scale);
  return ranges;
}

}  // namespace

WeightRanges full_weight_ranges(const at::Tensor& weight, int64_t bits, bool symmetric) {
  const auto rows = weight.detach().to(at::kFloat).flatten(1);
  return ranges_between(extremes_of(rows, symmetric), 1, bits, symmetric);
}

namespace {

WeightRanges search_rows(const at::Tensor& rows, int64_t bits, bool symmetric) {
  const auto extremes = extremes_of(rows, symmetric);
  WeightRanges best;
  at::Tensor least;
  for (int64_t i = 0; i < 80; i += 2) {
    const auto tried = ranges_between(extremes, shrink(i), bits, symmetric);
    const auto error = at::abs(rows - fake_quantize_weight(rows, tried, bits));
    const auto score = at::pow(error, kPower).mean(1);
    if (!least.defined()) {
      least = score;
      best = tried;
      continue;
    }
    const auto better = score < least;
    least = at::minimum(least, score);
    best.scale = at::where(better, tried.scale, best.scale);
    best.zero_point = at::where(better, tried.zero_point, best.zero_point);
  }
  return best;
}

}  // namespace

WeightRanges search_weight_ranges(const at::Tensor& weight, int64_t bits, bool symmetric) {
  const auto rows = weight.detach().to(at::kFloat).flatten(1);
  if (!rows.device().is_cpu()) return search_rows(rows, bits, symmetric);
  // Rows are searched on their own: so few at once that what the search writes stays in cache.
  const int64_t each = std::max<int64_t>(1, kSearched / std::max<int64_t>(1, rows.size(1)));
  WeightRanges found{at::empty({rows.size(0)}, rows.options()),
                     at::empty({rows.size(0)}, rows.options())};
  parallel_for(0, (rows.size(0) + each - 1) / each, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i * each, count = std::min(each, rows.size(0) - first);
      const auto part = search_rows(rows.narrow(0, first, count), bits, symmetric);
      found.scale.narrow(0, first, count).copy_(part.scale);
      found.zero_point.narrow(0, first, count).copy_(part.zero_point);
    }
  });
  return found;
}

at::Tensor fake_quantize_weight(const at::Tensor& weight, const WeightRanges& ranges,
                                int64_t bits) {
  std::vector<int64_t> shape(size_t(weight.dim()), 1);
  shape[0] = -1;
  const auto scale = ranges.scale.view(shape), zero = ranges.zero_point.view(shape);
  const auto q = at::clamp(at::round(weight / scale) + zero, 0, levels(bits));
  return (q - zero) * scale;
}

}  // namespace cq
