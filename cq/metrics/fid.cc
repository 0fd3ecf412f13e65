// Frechet distance between Gaussians fitted to two sets of features.
#include "cq/base/error.h"
#include "cq/metrics/feature_metric.h"
#include "cq/metrics/numerics/frechet.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

struct FidParameters {};

class Fid final : public FeatureMetric {
 public:
  using Parameters = FidParameters;
  static constexpr const char* name = "fid";
  static constexpr const char* doc =
      "Frechet distance between Gaussians fitted to the features; smaller is better";
  static constexpr const char* source = "Heusel et al. 2017, arXiv 1706.08500";
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all;
    return all;
  }

  Fid(const Parameters&, const MetricSource& from) : FeatureMetric(name, from) {}

  MetricNeeds needs() const override {
    MetricNeeds needs;
    needs.features = needs.reference = needs.statistics = true;
    needs.generated_rows = needs.reference_rows = 2;
    return needs;
  }

  void add(const MetricBatch& batch) override {
    FeatureMetric::add(batch);
    take(batch.generated.statistics, generated_statistics_, generated_);
    take(batch.reference.statistics, reference_statistics_, reference_);
  }

  void merge(const Metric& other) override {
    const auto& shard = same_kind(*this, other);
    FeatureMetric::merge(other);
    take(shard.generated_statistics_, generated_statistics_, generated_);
    take(shard.reference_statistics_, reference_statistics_, reference_);
  }

  MetricResult result() const override {
    MetricResult result;
    result.value = frechet_distance(*root(generated_, generated_statistics_),
                                    *root(reference_, reference_statistics_));
    result.protocol = protocol();
    describe(result.protocol, "samples", generated_statistics_);
    describe(result.protocol, "reference_samples", reference_statistics_);
    result.protocol["covariance"] = "divisor N-1";
    return result;
  }

 private:
  using Statistics = std::shared_ptr<const FeatureStatistics>;

  static void take(const Statistics& given, Statistics& kept, const FeatureRows& rows) {
    if (!given || given == kept) return;
    if (kept || !rows.empty()) {
      throw UsageError("[fid] {}: statistics stand for a whole set, nothing can be added to them",
                       rows.what());
    }
    kept = given;
  }

  static void describe(nlohmann::ordered_json& protocol, const char* key, const Statistics& given) {
    if (!given) return;
    if (given->count > 0) {
      protocol[key] = given->count;
    } else {
      protocol[key] = "as in the statistics file";
    }
  }

  std::shared_ptr<const GaussianRoot> root(const FeatureRows& rows, const Statistics& given) const {
    if (given && !rows.empty()) {
      throw UsageError("[fid] {}: statistics stand for a whole set, nothing can be added to them",
                       rows.what());
    }
    if (given) return std::make_shared<GaussianRoot>(gaussian_root(*given, rows.what()));
    const at::Tensor sorted = rows.by_content(shared());
    return shared().get<GaussianRoot>("gaussian root", {sorted},
                                      [&] { return gaussian_root(sorted); });
  }

  Statistics generated_statistics_;
  Statistics reference_statistics_;
};

}  // namespace

void register_fid(MetricRegistry& registry) {
  registry.add<Fid>();
}

}  // namespace cq
