// Learned perceptual distance to paired references.
#include "cq/base/error.h"
#include "cq/metrics/paired_metric.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

class Lpips final : public PairedMetric {
 public:
  static constexpr const char* name = "lpips";
  static constexpr const char* doc =
      "learned perceptual distance of each image to its reference, mean; 0 for equal images";
  static constexpr const char* source = "Zhang et al. 2018, arXiv 1801.03924";
  struct Parameters {};
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all;
    return all;
  }

  Lpips(const Parameters&, const MetricSource& from)
      : PairedMetric(name), network_(from.perceptual) {}

  MetricNeeds needs() const override {
    MetricNeeds needs = PairedMetric::needs();
    needs.perceptual = true;
    return needs;
  }

 private:
  at::Tensor compare(const at::Tensor& images, const at::Tensor& references) const override {
    if (!network_) throw UsageError("[lpips] needs the weights of its network (--lpips-weights)");
    return network_->distance(images, references);
  }
  void describe(nlohmann::ordered_json& protocol) const override {
    protocol["network"] = network_->name();
    protocol["weights_sha256"] = network_->weights_hash();
    protocol["version"] = "0.1";
    protocol["resize"] = "none";
  }

  std::shared_ptr<const PerceptualNetwork> network_;
};

}  // namespace

void register_lpips(MetricRegistry& registry) {
  registry.add<Lpips>();
}

}  // namespace cq
