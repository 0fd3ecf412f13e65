#pragma once
#include <string>
#include <vector>

#include "cq/metrics/metric.h"

namespace cq {

/// Base of the metrics that compare image i with reference image i. Value: the mean over pairs;
/// std: its standard error.
class PairedMetric : public Metric {
 public:
  explicit PairedMetric(std::string owner) : owner_(std::move(owner)) {}

  MetricNeeds needs() const override;
  void add(const MetricBatch& batch) override;
  void merge(const Metric& other) override;
  MetricResult result() const override;

 protected:
  /// One value a pair, float64 [n]; both uint8 [n, h, w, 3] of one shape.
  virtual at::Tensor compare(const at::Tensor& images, const at::Tensor& references) const = 0;
  virtual void describe(nlohmann::ordered_json& protocol) const = 0;

 private:
  std::string owner_;
  std::vector<double> values_;
};

}  // namespace cq
