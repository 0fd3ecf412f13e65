// Peak signal-to-noise ratio against paired references.
#include "cq/metrics/numerics/paired.h"
#include "cq/metrics/paired_metric.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

class Psnr final : public PairedMetric {
 public:
  static constexpr const char* name = "psnr";
  static constexpr const char* doc =
      "peak signal-to-noise ratio of each image against its reference, mean in dB";
  static constexpr const char* source = "10 log10(255^2 / mean squared error), per image";
  struct Parameters {
    double cap = 100;
  };
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all = config::Params<Parameters>().field(
        "cap", &Parameters::cap, "what a pair counts at most: equal images have an infinite ratio",
        config::Bounds{1, 1000}, "dB");
    return all;
  }

  Psnr(const Parameters& parameters, const MetricSource&)
      : PairedMetric(name), parameters_(parameters) {}

 private:
  at::Tensor compare(const at::Tensor& images, const at::Tensor& references) const override {
    const at::Tensor error = squared_error(images, references);
    return (error / (255.0 * 255.0)).log10().mul(-10).clamp_max(parameters_.cap);
  }
  void describe(nlohmann::ordered_json& protocol) const override {
    protocol["data_range"] = 255;
    protocol["cap_db"] = parameters_.cap;
    protocol["mean"] = "of the pairs' ratios";
  }

  Parameters parameters_;
};

}  // namespace

void register_psnr(MetricRegistry& registry) {
  registry.add<Psnr>();
}

}  // namespace cq
