// Maximum mean discrepancy of CLIP features under a Gaussian kernel.
#include "cq/metrics/feature_metric.h"
#include "cq/metrics/numerics/kernel_distance.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

struct CmmdParameters {
  double sigma = 10;
  double scale = 1000;
};

class Cmmd final : public FeatureMetric {
 public:
  using Parameters = CmmdParameters;
  static constexpr const char* name = "cmmd";
  static constexpr const char* doc =
      "kernel distance (Gaussian) between CLIP features; smaller is better";
  static constexpr const char* source = "Jayasumana et al. 2024, arXiv 2401.09603";
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all =
        config::Params<Parameters>()
            .field("sigma", &Parameters::sigma, "width of the kernel", config::Bounds{1e-6, 1e6})
            .field("scale", &Parameters::scale, "what the distance is multiplied by",
                   config::Bounds{1e-6, 1e9});
    return all;
  }

  Cmmd(const Parameters& parameters, const MetricSource& from)
      : FeatureMetric(name, from), parameters_(parameters) {}

  MetricNeeds needs() const override {
    MetricNeeds needs;
    needs.features = needs.reference = true;
    needs.generated_rows = needs.reference_rows = 2;
    return needs;
  }

  MetricResult result() const override {
    // Features that are given as they are may be something else than directions.
    const bool as_given = source_.features.value("network", "none") == "none";
    const auto rows = [&](const at::Tensor& given) {
      if (as_given) return given;
      const at::Tensor exact = given.to(at::kDouble);
      return exact / exact.square().sum(at::IntArrayRef{1}, true).sqrt();
    };
    const KernelDistance distance = gaussian_kernel_distance(rows(generated()), rows(reference()),
                                                             parameters_.sigma, parameters_.scale);
    MetricResult result;
    result.value = distance.value;
    result.std = distance.error;
    result.protocol = protocol();
    result.protocol["kernel"] = "exp(-|x-y|^2 / (2 sigma^2))";
    result.protocol["sigma"] = parameters_.sigma;
    result.protocol["scale"] = parameters_.scale;
    result.protocol["estimate"] = "biased: pairs of a sample with itself count";
    result.protocol["embeddings"] = as_given ? "as given" : "of unit length";
    result.protocol["std"] = "first-order standard error";
    return result;
  }

 private:
  Parameters parameters_;
};

}  // namespace

void register_cmmd(MetricRegistry& registry) {
  registry.add<Cmmd>();
}

}  // namespace cq
