// Structural similarity against paired references.
#include "cq/metrics/numerics/paired.h"
#include "cq/metrics/paired_metric.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

class Ssim final : public PairedMetric {
 public:
  static constexpr const char* name = "ssim";
  static constexpr const char* doc =
      "structural similarity of each image to its reference, mean; 1 for equal images";
  static constexpr const char* source = "Wang, Bovik, Sheikh and Simoncelli 2004";
  struct Parameters {};
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all;
    return all;
  }

  Ssim(const Parameters&, const MetricSource&) : PairedMetric(name) {}

 private:
  at::Tensor compare(const at::Tensor& images, const at::Tensor& references) const override {
    return structural_similarity(images, references);
  }
  void describe(nlohmann::ordered_json& protocol) const override {
    protocol["window"] = "Gaussian 11x11, sigma 1.5, inside the image";
    protocol["data_range"] = 255;
    protocol["channels"] = "mean over R, G, B";
  }
};

}  // namespace

void register_ssim(MetricRegistry& registry) {
  registry.add<Ssim>();
}

}  // namespace cq
