// Frechet distance extrapolated to infinitely many generated samples.
#include <algorithm>
#include <cmath>
#include <vector>

#include "cq/base/error.h"
#include "cq/metrics/feature_metric.h"
#include "cq/metrics/numerics/frechet.h"
#include "cq/metrics/numerics/line_fit.h"
#include "cq/metrics/numerics/numpy_random.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

struct FidInfParameters {
  int64_t points = 15;
  double least_share = 0.1;
  int64_t seed = 2020;
};

class FidInf final : public FeatureMetric {
 public:
  using Parameters = FidInfParameters;
  static constexpr const char* name = "fid_inf";
  static constexpr const char* doc =
      "Frechet distance at several numbers of generated samples, extrapolated to infinitely many";
  static constexpr const char* source = "Chong and Forsyth 2020, arXiv 1911.07023";
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all =
        config::Params<Parameters>()
            .field("points", &Parameters::points, "sizes that the line is fitted to",
                   config::Bounds{3, 1000})
            .field("least_share", &Parameters::least_share,
                   "smallest size as a share of all generated samples", config::Bounds{0.001, 0.9})
            .field("seed", &Parameters::seed, "of the random subsets",
                   config::Bounds{0, 4294967295});
    return all;
  }

  FidInf(const Parameters& parameters, const MetricSource& from)
      : FeatureMetric(name, from), parameters_(parameters) {}

  MetricNeeds needs() const override {
    MetricNeeds needs;
    needs.features = needs.reference = true;
    needs.generated_rows = 20;
    needs.reference_rows = 2;
    return needs;
  }

  MetricResult result() const override {
    const at::Tensor rows = generated();
    if (rows.size(0) < needs().generated_rows) {
      throw UsageError("[fid_inf] needs at least {} generated samples, got {}",
                       needs().generated_rows, rows.size(0));
    }
    const at::Tensor others = reference();
    const auto target = shared().get<GaussianRoot>("gaussian root", {others},
                                                   [&] { return gaussian_root(others); });
    NumpyRandom random(static_cast<uint32_t>(parameters_.seed));
    std::vector<double> inverse_sizes;
    std::vector<double> distances;
    for (const int64_t size : sizes(rows.size(0))) {
      std::vector<int64_t> chosen = random.choice(rows.size(0), size);
      const at::Tensor subset = rows.index_select(
          0, at::from_blob(chosen.data(), {size}, at::TensorOptions().dtype(at::kLong)));
      inverse_sizes.push_back(1 / static_cast<double>(size));
      distances.push_back(frechet_distance(gaussian_root(subset), *target));
    }
    const LineFit line = fit_line(inverse_sizes, distances);
    const double scale = std::max(std::abs(line.intercept), target->trace);
    MetricResult result;
    result.value = settle(line.intercept, scale);
    result.std = settle(line.intercept_error, scale);
    result.protocol = protocol();
    result.protocol["sizes"] = parameters_.points;
    result.protocol["least_size"] = sizes(rows.size(0)).front();
    result.protocol["seed"] = parameters_.seed;
    result.protocol["std"] = "standard error of the line's intercept";
    return result;
  }

 private:
  std::vector<int64_t> sizes(int64_t rows) const {
    const double least =
        std::max(2.0, std::ceil(parameters_.least_share * static_cast<double>(rows)));
    std::vector<int64_t> result;
    for (int64_t i = 0; i < parameters_.points; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(parameters_.points - 1);
      result.push_back(std::llround(least + share * (static_cast<double>(rows) - least)));
    }
    return result;
  }

  Parameters parameters_;
};

}  // namespace

void register_fid_inf(MetricRegistry& registry) {
  registry.add<FidInf>();
}

}  // namespace cq
