// Agreement of generated images with the texts that were asked for.
#include <algorithm>
#include <cmath>
#include <vector>

#include "cq/base/error.h"
#include "cq/metrics/feature_metric.h"
#include "cq/metrics/numerics/kernel_distance.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

struct ClipScoreParameters {
  std::string variant = "percent";
};

class ClipScore final : public Metric {
 public:
  using Parameters = ClipScoreParameters;
  static constexpr const char* name = "clip_score";
  static constexpr const char* doc =
      "cosine of each image's CLIP features and its text's, mean; larger is better";
  static constexpr const char* source = "Hessel et al. 2021, arXiv 2104.08718";
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all =
        config::Params<Parameters>()
            .field("variant", &Parameters::variant,
                   "percent: 100 x mean cosine; raw: mean cosine; clamped: mean of max(cosine, 0)")
            .choices({"percent", "raw", "clamped"});
    return all;
  }

  ClipScore(const Parameters& parameters, const MetricSource& from)
      : parameters_(parameters), source_(from) {}

  MetricNeeds needs() const override {
    MetricNeeds needs;
    needs.features = needs.text = true;
    return needs;
  }

  void add(const MetricBatch& batch) override {
    const at::Tensor& images = batch.generated.features;
    const at::Tensor& texts = batch.generated.text;
    if (!images.defined() || !texts.defined()) return;
    if (images.dim() != 2 || images.sizes() != texts.sizes()) {
      throw UsageError(
          "[clip_score] every image needs one text of the same space, got features [{}] and [{}]",
          fmt::join(images.sizes(), ", "), fmt::join(texts.sizes(), ", "));
    }
    const at::Tensor x = images.to(at::kDouble), y = texts.to(at::kDouble);
    const at::Tensor cosines =
        ((x * y).sum(1) / (x.square().sum(1) * y.square().sum(1)).sqrt()).contiguous();
    if (!cosines.isfinite().all().item<bool>()) {
      throw RunError("[clip_score] features hold NaN or infinity, or are all zero");
    }
    const double* first = cosines.const_data_ptr<double>();
    cosines_.insert(cosines_.end(), first, first + cosines.numel());
  }

  void merge(const Metric& other) override {
    const auto& shard = same_kind(*this, other);
    cosines_.insert(cosines_.end(), shard.cosines_.begin(), shard.cosines_.end());
  }

  MetricResult result() const override {
    if (cosines_.empty()) throw UsageError("[clip_score] no images with texts were given");
    std::vector<double> values = cosines_;
    std::sort(values.begin(), values.end());  // one order of summation
    for (double& value : values) {
      if (parameters_.variant == "clamped") value = std::max(value, 0.0);
      if (parameters_.variant == "percent") value *= 100;
    }
    const double scale = parameters_.variant == "percent" ? 100 : 1;
    const Spread spread = spread_of(values);
    MetricResult result;
    result.value = settle(spread.mean, scale);
    result.std = settle(spread.std / std::sqrt(static_cast<double>(values.size())), scale);
    result.protocol = base_protocol(source_, static_cast<int64_t>(values.size()));
    result.protocol["variant"] = parameters_.variant;
    result.protocol["std"] = "standard error of the mean over images";
    return result;
  }

 private:
  Parameters parameters_;
  MetricSource source_;
  std::vector<double> cosines_;
};

}  // namespace

void register_clip_score(MetricRegistry& registry) {
  registry.add<ClipScore>();
}

}  // namespace cq
