#pragma once
#include <vector>

#include "cq/metrics/feature_metric.h"
#include "cq/metrics/numerics/kernel_distance.h"
#include "cq/metrics/numerics/neighbours.h"

namespace cq {

/// Base of precision, recall, density and coverage: who lies in whose k-nearest-neighbour ball,
/// found once for all that ask with the same k.
class NeighbourMetric : public FeatureMetric {
 public:
  NeighbourMetric(const std::string& owner, int64_t k, const MetricSource& source)
      : FeatureMetric(owner, source), owner_(owner), k_(k) {}

  MetricNeeds needs() const override;
  MetricResult result() const override;

 protected:
  /// The value, and its standard error with the balls held fixed.
  virtual Spread score(const NeighbourSpace::Membership& membership, int64_t k) const = 0;

 private:
  std::string owner_;
  int64_t k_;
};

/// Mean of zeros and ones, with the error of a share: sqrt(p (1 - p) / n).
Spread share_of(const std::vector<uint8_t>& flags);

}  // namespace cq
