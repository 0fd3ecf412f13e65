#include "cq/metrics/frechet_metric.h"

#include "cq/base/error.h"
#include "cq/metrics/feature_metric.h"

namespace cq {

FrechetMetric::FrechetMetric(const std::string& owner, const MetricSource& source)
    : owner_(owner),
      source_(source),
      generated_{FeatureRows(owner, "generated features")},
      reference_{FeatureRows(owner, "reference features")} {}

void FrechetMetric::add(const MetricBatch& batch) {
  add(batch.generated, generated_);
  add(batch.reference, reference_);
}

void FrechetMetric::add(const SampleBatch& batch, Side& side) {
  const at::Tensor features = features_of(batch);
  if (features.defined()) side.rows.add(features);
  take(statistics_of(batch), side);
}

void FrechetMetric::merge(const Metric& other) {
  const auto& shard = same_kind(*this, other);
  for (const auto side : {&FrechetMetric::generated_, &FrechetMetric::reference_}) {
    (this->*side).rows.merge((shard.*side).rows);
    take((shard.*side).statistics, this->*side);
  }
}

void FrechetMetric::take(const Statistics& given, Side& side) const {
  if (!given || given == side.statistics) return;
  if (side.statistics || !side.rows.empty()) {
    throw UsageError("[{}] {}: statistics stand for a whole set, nothing can be added to them",
                     owner_, side.rows.what());
  }
  side.statistics = given;
}

std::shared_ptr<const GaussianRoot> FrechetMetric::root(const Side& side) const {
  if (side.statistics && !side.rows.empty()) {
    throw UsageError("[{}] {}: statistics stand for a whole set, nothing can be added to them",
                     owner_, side.rows.what());
  }
  if (side.statistics) {
    return std::make_shared<GaussianRoot>(gaussian_root(*side.statistics, side.rows.what()));
  }
  const at::Tensor sorted = side.rows.by_content(*source_.shared);
  return source_.shared->get<GaussianRoot>("gaussian root", {sorted},
                                           [&] { return gaussian_root(sorted); });
}

MetricResult FrechetMetric::result() const {
  const auto samples = [](const Side& side) -> nlohmann::ordered_json {
    if (!side.statistics) return side.rows.count();
    if (side.statistics->count > 0) return side.statistics->count;
    return "as in the statistics file";
  };
  MetricResult result;
  result.value = frechet_distance(*root(generated_), *root(reference_));
  result.protocol = source_.features;
  describe(result.protocol);
  result.protocol["samples"] = samples(generated_);
  result.protocol["reference_samples"] = samples(reference_);
  if (!source_.reference.empty()) result.protocol["reference"] = source_.reference;
  result.protocol["covariance"] = "divisor N-1";
  return result;
}

}  // namespace cq
