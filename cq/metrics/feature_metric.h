#pragma once
#include <string>

#include "cq/metrics/feature_rows.h"
#include "cq/metrics/metric.h"

namespace cq {

/// Base of the metrics that compare two sets of features and keep them until the result.
class FeatureMetric : public Metric {
 public:
  FeatureMetric(const std::string& owner, const MetricSource& source);

  void add(const MetricBatch& batch) override;
  void merge(const Metric& other) override;

 protected:
  at::Tensor generated() const { return generated_.by_content(*source_.shared); }
  at::Tensor reference() const { return reference_.by_content(*source_.shared); }
  SharedWork& shared() const { return *source_.shared; }
  /// Network, reference and numbers of samples; what is the metric's own comes after.
  nlohmann::ordered_json protocol() const;

  FeatureRows generated_;
  FeatureRows reference_;
  MetricSource source_;
};

/// The protocol's common part.
nlohmann::ordered_json base_protocol(const MetricSource& source, int64_t generated_samples);

}  // namespace cq
