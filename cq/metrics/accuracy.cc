// Whether a classifier finds the class that was asked for.
#include <cmath>

#include "cq/base/error.h"
#include "cq/metrics/feature_metric.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

class Accuracy final : public Metric {
 public:
  static constexpr const char* name = "accuracy";
  static constexpr const char* doc =
      "share of generated samples in which a classifier finds the class that was asked for";
  static constexpr const char* source = "Ravuri and Vinyals 2019, arXiv 1905.10887";
  struct Parameters {};
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all;
    return all;
  }

  Accuracy(const Parameters&, const MetricSource& from) : source_(from) {}

  MetricNeeds needs() const override {
    MetricNeeds needs;
    needs.logits = needs.labels = true;
    return needs;
  }

  void add(const MetricBatch& batch) override {
    const at::Tensor& logits = batch.generated.logits;
    const at::Tensor& labels = batch.generated.labels;
    if (!logits.defined() || !labels.defined()) return;
    if (logits.dim() != 2 || labels.dim() != 1 || logits.size(0) != labels.size(0)) {
      throw UsageError(
          "[accuracy] logits must be [samples, classes] and labels [samples], got {} "
          "and {} values",
          logits.numel(), labels.numel());
    }
    if (labels.numel() == 0) return;
    const int64_t least = labels.min().item<int64_t>();
    const int64_t largest = labels.max().item<int64_t>();
    if (least < 0 || largest >= logits.size(1)) {
      throw UsageError("[accuracy] labels {}..{} do not fit a classifier of {} classes", least,
                       largest, logits.size(1));
    }
    if (!logits.isfinite().all().item<bool>()) {
      throw RunError("[accuracy] logits hold NaN or infinity");
    }
    right_ += logits.argmax(1).eq(labels).sum().item<int64_t>();
    count_ += labels.size(0);
  }

  void merge(const Metric& other) override {
    const auto& shard = same_kind(*this, other);
    right_ += shard.right_;
    count_ += shard.count_;
  }

  MetricResult result() const override {
    if (count_ == 0) throw UsageError("[accuracy] no samples with labels were given");
    const double share = static_cast<double>(right_) / static_cast<double>(count_);
    MetricResult result;
    result.value = share;
    result.std = std::sqrt(share * (1 - share) / static_cast<double>(count_));
    result.protocol = base_protocol(source_, count_);
    result.protocol["std"] = "standard error of a share";
    return result;
  }

 private:
  MetricSource source_;
  int64_t right_ = 0;
  int64_t count_ = 0;
};

}  // namespace

void register_accuracy(MetricRegistry& registry) {
  registry.add<Accuracy>();
}

}  // namespace cq
