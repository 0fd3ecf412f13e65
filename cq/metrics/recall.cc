// Share of the reference inside the generated set's neighbour balls.
#include "cq/metrics/neighbour_metric.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

class Recall final : public NeighbourMetric {
 public:
  static constexpr const char* name = "recall";
  static constexpr const char* doc =
      "share of reference samples that lie in some generated sample's neighbour ball";
  static constexpr const char* source = "Kynkaanniemi et al. 2019, arXiv 1904.06991";
  struct Parameters {
    int64_t k = 3;
  };
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all = config::Params<Parameters>().field(
        "k", &Parameters::k, "neighbours that a ball reaches to", config::Bounds{1, 1e6});
    return all;
  }

  Recall(const Parameters& parameters, const MetricSource& from)
      : NeighbourMetric(name, parameters.k, from) {}

 private:
  Spread score(const NeighbourSpace::Membership& membership, int64_t) const override {
    return share_of(membership.recalled);
  }
};

}  // namespace

void register_recall(MetricRegistry& registry) {
  registry.add<Recall>();
}

}  // namespace cq
