// Share of the reference balls that hold a generated sample.
#include "cq/metrics/neighbour_metric.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

class Coverage final : public NeighbourMetric {
 public:
  static constexpr const char* name = "coverage";
  static constexpr const char* doc =
      "share of reference samples whose neighbour ball holds a generated sample";
  static constexpr const char* source = "Naeem et al. 2020, arXiv 2002.09797";
  struct Parameters {
    int64_t k = 5;
  };
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all = config::Params<Parameters>().field(
        "k", &Parameters::k, "neighbours that a ball reaches to", config::Bounds{1, 1e6});
    return all;
  }

  Coverage(const Parameters& parameters, const MetricSource& from)
      : NeighbourMetric(name, parameters.k, from) {}

 private:
  Spread score(const NeighbourSpace::Membership& membership, int64_t) const override {
    return share_of(membership.covered);
  }
};

}  // namespace

void register_coverage(MetricRegistry& registry) {
  registry.add<Coverage>();
}

}  // namespace cq
