#pragma once
#include <memory>
#include <string>

#include "cq/metrics/feature_rows.h"
#include "cq/metrics/metric.h"
#include "cq/metrics/numerics/frechet.h"

namespace cq {

/// Base of the Frechet distances between Gaussians fitted to two sets of features, each known by
/// its features or by stored statistics.
class FrechetMetric : public Metric {
 public:
  FrechetMetric(const std::string& owner, const MetricSource& source);

  void add(const MetricBatch& batch) override;
  void merge(const Metric& other) override;
  MetricResult result() const override;

 protected:
  using Statistics = std::shared_ptr<const FeatureStatistics>;
  /// The features that the distance is taken on.
  virtual at::Tensor features_of(const SampleBatch& side) const = 0;
  virtual Statistics statistics_of(const SampleBatch& side) const = 0;
  virtual void describe(nlohmann::ordered_json&) const {}

 private:
  struct Side {
    FeatureRows rows;
    Statistics statistics = nullptr;
  };
  void add(const SampleBatch& batch, Side& side);
  void take(const Statistics& given, Side& side) const;
  std::shared_ptr<const GaussianRoot> root(const Side& side) const;

  std::string owner_;
  MetricSource source_;
  Side generated_;
  Side reference_;
};

}  // namespace cq
