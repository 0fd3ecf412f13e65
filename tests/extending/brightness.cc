// Metric `brightness`: how much brighter generated images are than their references.
#include "cq/base/error.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

class Brightness final : public Metric {
 public:
  static constexpr const char* name = "brightness";
  static constexpr const char* doc =
      "mean value of the generated images minus that of the references";
  static constexpr const char* source = "docs/extending.md";
  struct Parameters {};
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> none;
    return none;
  }

  Brightness(const Parameters&, const MetricSource&) {}

  MetricNeeds needs() const override {
    MetricNeeds needs;
    needs.images = needs.reference = true;
    return needs;
  }
  void add(const MetricBatch& batch) override {
    if (!batch.generated.images.defined() || !batch.reference.images.defined()) return;
    // Whole numbers: no order of batches or shards changes a digit.
    difference_ += batch.generated.images.sum().item<int64_t>();
    difference_ -= batch.reference.images.sum().item<int64_t>();
    values_ += batch.generated.images.numel();
  }
  void merge(const Metric& other) override {
    const auto& shard = same_kind(*this, other);
    difference_ += shard.difference_;
    values_ += shard.values_;
  }
  MetricResult result() const override {
    if (values_ == 0) throw UsageError("[brightness] no images were given");
    MetricResult result;
    result.value = double(difference_) / double(values_);
    result.protocol["data_range"] = 255;
    return result;
  }

 private:
  int64_t difference_ = 0, values_ = 0;
};

}  // namespace

void register_brightness(MetricRegistry& registry);
void register_brightness(MetricRegistry& registry) {
  registry.add<Brightness>();
}

}  // namespace cq
