// Inception score of class predictions.
#include "cq/metrics/feature_metric.h"
#include "cq/metrics/numerics/inception_score.h"
#include "cq/metrics/register.h"

namespace cq {
namespace {

struct IsParameters {
  int64_t splits = 10;
  std::optional<int64_t> shuffle = 2020;
};

class Is final : public Metric {
 public:
  using Parameters = IsParameters;
  static constexpr const char* name = "is";
  static constexpr const char* doc =
      "how certain and how varied the predicted classes are; larger is better";
  static constexpr const char* source = "Salimans et al. 2016, arXiv 1606.03498";
  static const config::Params<Parameters>& parameters() {
    static const config::Params<Parameters> all =
        config::Params<Parameters>()
            .field("splits", &Parameters::splits, "parts that are scored on their own",
                   config::Bounds{1, 1e6})
            .field("shuffle", &Parameters::shuffle,
                   "seed of a permutation before the split; null: the order given",
                   config::Bounds{0, 4294967295});
    return all;
  }

  Is(const Parameters& parameters, const MetricSource& from)
      : parameters_(parameters), source_(from), logits_(name, "logits") {}

  MetricNeeds needs() const override {
    MetricNeeds needs;
    needs.logits = true;
    needs.generated_rows = parameters_.splits;
    return needs;
  }

  void add(const MetricBatch& batch) override {
    if (batch.generated.logits.defined()) logits_.add(batch.generated.logits);
  }
  void merge(const Metric& other) override { logits_.merge(same_kind(*this, other).logits_); }

  MetricResult result() const override {
    std::optional<uint32_t> seed;
    if (parameters_.shuffle) seed = static_cast<uint32_t>(*parameters_.shuffle);
    const Spread score =
        inception_score(logits_.in_order(*source_.shared), parameters_.splits, seed);
    MetricResult result;
    result.value = score.mean;
    result.std = score.std;
    result.protocol = base_protocol(source_, logits_.count());
    result.protocol["classes"] = logits_.width();
    result.protocol["splits"] = parameters_.splits;
    if (seed) {
      result.protocol["shuffle"] = *seed;
    } else {
      result.protocol["shuffle"] = "none";
    }
    result.protocol["std"] = "over splits, divisor their number";
    return result;
  }

 private:
  Parameters parameters_;
  MetricSource source_;
  FeatureRows logits_;
};

}  // namespace

void register_is(MetricRegistry& registry) {
  registry.add<Is>();
}

}  // namespace cq
