// Number of reference balls around a generated sample, relative to k.
#include <cmath>

#include "cq/metrics/neighbour_metric.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

class Density final : public NeighbourMetric {
 public:
  static constexpr const char* name = "density";
  static constexpr const char* doc =
      "reference balls around a generated sample, on average, divided by k";
  static constexpr const char* source = "Naeem et al. 2020, arXiv 2002.09797";
  struct Parameters {
    int64_t k = 5;
  };
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all = config::Params<Parameters>().field(
        "k", &Parameters::k, "neighbours that a ball reaches to", config::Bounds{1, 1e6});
    return all;
  }

  Density(const Parameters& parameters, const MetricSource& from)
      : NeighbourMetric(name, parameters.k, from) {}

 private:
  Spread score(const NeighbourSpace::Membership& membership, int64_t k) const override {
    std::vector<double> counts;
    int64_t total = 0;
    for (const int32_t balls : membership.reference_balls) {
      counts.push_back(static_cast<double>(balls) / static_cast<double>(k));
      total += balls;
    }
    const auto n = static_cast<double>(counts.size());
    // A quotient of whole numbers is right to the last digit, a mean of shares is not.
    return {static_cast<double>(total) / (static_cast<double>(k) * n),
            spread_of(counts).std / std::sqrt(n)};
  }
};

}  // namespace

void register_density(MetricRegistry& registry) {
  registry.add<Density>();
}

}  // namespace cq
