// Share of the generated set inside the reference's neighbour balls.
#include "cq/metrics/neighbour_metric.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

class Precision final : public NeighbourMetric {
 public:
  static constexpr const char* name = "precision";
  static constexpr const char* doc =
      "share of generated samples that lie in some reference sample's neighbour ball";
  static constexpr const char* source = "Kynkaanniemi et al. 2019, arXiv 1904.06991";
  struct Parameters {
    int64_t k = 3;
  };
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all = config::Params<Parameters>().field(
        "k", &Parameters::k, "neighbours that a ball reaches to", config::Bounds{1, 1e6});
    return all;
  }

  Precision(const Parameters& parameters, const MetricSource& from)
      : NeighbourMetric(name, parameters.k, from) {}

 private:
  Spread score(const NeighbourSpace::Membership& membership, int64_t) const override {
    std::vector<uint8_t> inside;
    for (const int32_t balls : membership.reference_balls) inside.push_back(balls > 0);
    return share_of(inside);
  }
};

}  // namespace

void register_precision(MetricRegistry& registry) {
  registry.add<Precision>();
}

}  // namespace cq
