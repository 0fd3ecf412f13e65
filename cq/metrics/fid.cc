// Frechet distance between Gaussians fitted to two sets of features.
#include "cq/metrics/frechet_metric.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

class Fid final : public FrechetMetric {
 public:
  static constexpr const char* name = "fid";
  static constexpr const char* doc =
      "Frechet distance between Gaussians fitted to the features; smaller is better";
  static constexpr const char* source = "Heusel et al. 2017, arXiv 1706.08500";
  struct Parameters {};
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all;
    return all;
  }

  Fid(const Parameters&, const MetricSource& from) : FrechetMetric(name, from) {}

  MetricNeeds needs() const override {
    MetricNeeds needs;
    needs.features = needs.reference = needs.statistics = true;
    needs.generated_rows = needs.reference_rows = 2;
    return needs;
  }

 private:
  at::Tensor features_of(const SampleBatch& side) const override { return side.features; }
  Statistics statistics_of(const SampleBatch& side) const override { return side.statistics; }
};

}  // namespace

void register_fid(MetricRegistry& registry) {
  registry.add<Fid>();
}

}  // namespace cq
