// Kernel distance between two sets of features.
#include <algorithm>

#include "cq/base/error.h"
#include "cq/metrics/feature_metric.h"
#include "cq/metrics/numerics/kernel_distance.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

struct KidParameters {
  std::optional<int64_t> subset_size = 1000;
  int64_t subsets = 100;
  int64_t seed = 2020;
};

class Kid final : public FeatureMetric {
 public:
  using Parameters = KidParameters;
  static constexpr const char* name = "kid";
  static constexpr const char* doc =
      "unbiased kernel distance (cubic polynomial) between the features; smaller is better";
  static constexpr const char* source = "Binkowski et al. 2018, arXiv 1801.01401";
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all =
        config::Params<Parameters>()
            .field("subset_size", &Parameters::subset_size,
                   "rows of each side in a random subset; null: both sets whole",
                   config::Bounds{2, 1e9})
            .field("subsets", &Parameters::subsets, "random pairs of subsets",
                   config::Bounds{1, 1e6})
            .field("seed", &Parameters::seed, "of the subsets", config::Bounds{0, 4294967295});
    return all;
  }

  Kid(const Parameters& parameters, const MetricSource& from)
      : FeatureMetric(name, from), parameters_(parameters) {}

  MetricNeeds needs() const override {
    MetricNeeds needs;
    needs.features = needs.reference = true;
    needs.generated_rows = needs.reference_rows = parameters_.subset_size.value_or(2);
    return needs;
  }

  MetricResult result() const override {
    const at::Tensor x = generated();
    const at::Tensor y = reference();
    MetricResult result;
    result.protocol = protocol();
    result.protocol["kernel"] = "(x.y/D + 1)^3";
    if (!parameters_.subset_size) {
      const KernelDistance whole = kernel_distance(x, y);
      result.value = whole.value;
      result.std = whole.error;
      result.protocol["subset_size"] = "all";
      result.protocol["std"] = "first-order standard error of the unbiased estimate";
      return result;
    }
    const Spread spread =
        kernel_distance_subsets(x, y, parameters_.subsets, *parameters_.subset_size,
                                static_cast<uint32_t>(parameters_.seed));
    result.value = spread.mean;
    result.std = spread.std;
    result.protocol["subset_size"] = *parameters_.subset_size;
    result.protocol["subsets"] = parameters_.subsets;
    result.protocol["seed"] = parameters_.seed;
    result.protocol["std"] = "over subsets, divisor their number";
    return result;
  }

 private:
  Parameters parameters_;
};

}  // namespace

void register_kid(MetricRegistry& registry) {
  registry.add<Kid>();
}

}  // namespace cq
