// Frechet distance on spatial features.
#include "cq/metrics/frechet_metric.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

class Sfid final : public FrechetMetric {
 public:
  static constexpr const char* name = "sfid";
  static constexpr const char* doc =
      "Frechet distance on features that keep their place in the image; smaller is better";
  static constexpr const char* source = "Nash et al. 2021, arXiv 2103.03841";
  struct Parameters {};
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all;
    return all;
  }

  Sfid(const Parameters&, const MetricSource& from) : FrechetMetric(name, from) {}

  MetricNeeds needs() const override {
    MetricNeeds needs;
    needs.spatial = needs.reference = needs.statistics = true;
    needs.generated_rows = needs.reference_rows = 2;
    return needs;
  }

 private:
  at::Tensor features_of(const SampleBatch& side) const override { return side.spatial; }
  Statistics statistics_of(const SampleBatch& side) const override {
    return side.spatial_statistics;
  }
  void describe(nlohmann::ordered_json& protocol) const override {
    protocol["layer"] = "Mixed_6d.branch1x1, first 7 channels, 17x17x7";
  }
};

}  // namespace

void register_sfid(MetricRegistry& registry) {
  registry.add<Sfid>();
}

}  // namespace cq
