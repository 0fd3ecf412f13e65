#include "cq/metrics/neighbour_metric.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "cq/base/error.h"

namespace cq {

MetricNeeds NeighbourMetric::needs() const {
  MetricNeeds needs;
  needs.features = needs.reference = true;
  needs.generated_rows = needs.reference_rows = k_ + 1;
  return needs;
}

MetricResult NeighbourMetric::result() const {
  using Side = NeighbourSpace::Side;
  using Membership = NeighbourSpace::Membership;
  const at::Tensor real = reference();
  const at::Tensor fake = generated();
  for (const FeatureRows* rows : {&generated_, &reference_}) {
    if (rows->count() <= k_) {
      throw UsageError("[{}] k = {} needs at least {} {}, got {}", owner_, k_, k_ + 1, rows->what(),
                       rows->count());
    }
  }
  const auto membership =
      shared().get<Membership>("membership, k " + std::to_string(k_), {real, fake}, [&] {
        const auto& space = *shared().get<std::shared_ptr<NeighbourSpace>>(
            "neighbour space", {real, fake},
            [&] { return std::make_shared<NeighbourSpace>(real, fake); });
        return space->membership(space->squared_radii(Side::reference, k_),
                                 space->squared_radii(Side::generated, k_));
      });
  const Spread value = score(*membership, k_);
  MetricResult result;
  result.value = value.mean;
  result.std = value.std;
  result.protocol = protocol();
  result.protocol["k"] = k_;
  result.protocol["balls"] = "closed, self excluded";
  result.protocol["std"] = "standard error with the balls held fixed";
  return result;
}

Spread share_of(const std::vector<uint8_t>& flags) {
  const auto n = static_cast<double>(flags.size());
  const double share = static_cast<double>(std::count(flags.begin(), flags.end(), 1)) / n;
  return {share, std::sqrt(share * (1 - share) / n)};
}

}  // namespace cq
