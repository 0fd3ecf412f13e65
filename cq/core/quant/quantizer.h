#pragma once
#include <cstdint>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

/// Uniform affine quantizer: q = clamp(round(x / scale) + zero_point, 0, 2^bits - 1).
struct QuantRange {
  double scale = 1;
  int64_t zero_point = 0;
};

/// Scale and zero point that map [min, max], widened to hold zero (so that padding is exact), to
/// `bits` bits.
QuantRange range_of(double min, double max, int64_t bits);

/// The nearest representable values (simulated quantization).
at::Tensor fake_quantize(const at::Tensor& x, const QuantRange& range, int64_t bits);

/// The extremes of a tensor's values and some of the values, evenly strided. The tensor comes in
/// one piece or in several, on any device; what is taken of it is on the CPU.
class ValueSample {
 public:
  /// Of `count` values in all, of which at least `limit` are taken (or all), fewer than twice that.
  explicit ValueSample(int64_t count, int64_t limit = 65536);
  /// The values that follow those that came. Throws RunError where one is not finite.
  void add(const at::Tensor& x);
  double min() const { return min_; }
  double max() const { return max_; }
  const std::vector<float>& values() const { return values_; }

 private:
  int64_t stride_;
  int64_t next_ = 0;  ///< index of the next value to take, among those that are to come
  double min_ = 0, max_ = 0;
  std::vector<float> values_;
};

/// Distribution of a tensor's values, gathered over batches: exact extremes and a histogram, which
/// is rebinned when a later batch is wider.
class ValueHistogram {
 public:
  static constexpr int64_t bins = 2048;
  void add(const ValueSample& sample);
  /// Range search of EDA-DM and CacheQuant: of the ranges shrunk by i/100, i = 0, 2, .., 78, the
  /// one with the least mean |x - q(x)|^2.4 over the histogram.
  QuantRange search(int64_t bits) const;
  double min() const { return min_; }
  double max() const { return max_; }
  bool empty() const { return counts_.empty(); }

 private:
  void widen(double min, double max);
  double min_ = 0, max_ = 0;
  std::vector<double> counts_;
};

/// The same search on every value, per row of a weight [O, ...].
struct WeightRanges {
  at::Tensor scale;       ///< [O] float32
  at::Tensor zero_point;  ///< [O] float32, whole numbers
};
/// Ranges that hold every value of a row, without a search.
WeightRanges full_weight_ranges(const at::Tensor& weight, int64_t bits, bool symmetric);
WeightRanges search_weight_ranges(const at::Tensor& weight, int64_t bits, bool symmetric);
/// Simulated quantization of a weight [O, ...]. Symmetric ranges have zero point 2^(bits-1).
at::Tensor fake_quantize_weight(const at::Tensor& weight, const WeightRanges& ranges, int64_t bits);

}  // namespace cq
