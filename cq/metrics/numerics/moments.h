#pragma once
#include <cstdint>

#include "cq/core/tensor.h"

namespace cq {

/// Mean [D] and covariance [D, D] (divisor N-1) of a set of feature vectors, float64.
struct FeatureStatistics {
  at::Tensor mean;
  at::Tensor covariance;
  /// Samples they were taken over; 0 where a file does not say.
  int64_t count = 0;
};

/// Adds rows^T rows to `gram` [D, D]; only the lower triangle of blocks is filled, which halves the
/// work: call `mirror_lower` after the last one. rows: [n, D] float64.
void add_gram(at::Tensor& gram, const at::Tensor& rows);
/// Copies the strictly lower triangle of a square matrix over its upper one.
at::Tensor mirror_lower(const at::Tensor& matrix);

/// Count, mean and centred second moments in float64, by batches. Every batch is centred on its own
/// mean and merged by Chan, Golub and LeVeque's shifted update (1983), so that a mean much larger
/// than the deviation costs no digits.
class RunningMoments {
 public:
  /// rows: [n, D], any float type. A width other than the first batch's is a UsageError.
  void add(const at::Tensor& rows);
  void merge(const RunningMoments& other);

  int64_t count() const { return count_; }
  int64_t width() const { return count_ == 0 ? 0 : mean_.size(0); }
  /// UsageError below two rows: no covariance exists.
  FeatureStatistics statistics() const;

 private:
  void merge_moments(int64_t count, const at::Tensor& mean, const at::Tensor& second);

  int64_t count_ = 0;
  at::Tensor mean_;
  at::Tensor second_;  // sum of (x - mean)(x - mean)^T; valid in its lower triangle
};

/// Rounds to a fixed decimal place, eleven below `scale`'s leading digit: digits under it depend on
/// the order in which a thread count or batch size adds things up, and are not printed.
double settle(double value, double scale);

}  // namespace cq
