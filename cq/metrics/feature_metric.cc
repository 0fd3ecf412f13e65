#include "cq/metrics/feature_metric.h"

namespace cq {

FeatureMetric::FeatureMetric(const std::string& owner, const MetricSource& source)
    : generated_(owner, "generated features"),
      reference_(owner, "reference features"),
      source_(source) {}

void FeatureMetric::add(const MetricBatch& batch) {
  if (batch.generated.features.defined()) generated_.add(batch.generated.features);
  if (batch.reference.features.defined()) reference_.add(batch.reference.features);
}

void FeatureMetric::merge(const Metric& other) {
  const auto& shard = same_kind(*this, other);
  generated_.merge(shard.generated_);
  reference_.merge(shard.reference_);
}

nlohmann::ordered_json FeatureMetric::protocol() const {
  nlohmann::ordered_json result = base_protocol(source_, generated_.count());
  result["reference_samples"] = reference_.count();
  if (!source_.reference.empty()) result["reference"] = source_.reference;
  return result;
}

nlohmann::ordered_json base_protocol(const MetricSource& source, int64_t generated_samples) {
  nlohmann::ordered_json result = source.features;
  result["samples"] = generated_samples;
  return result;
}

}  // namespace cq
