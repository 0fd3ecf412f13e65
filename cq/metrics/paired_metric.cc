#include "cq/metrics/paired_metric.h"

#include <algorithm>
#include <cmath>

#include "cq/base/error.h"
#include "cq/metrics/numerics/kernel_distance.h"

namespace cq {
namespace {

// Float64 planes of a pair cost some 50 bytes a value.
constexpr int64_t kValuesAtOnce = 4 << 20;

std::string shape_of(const at::Tensor& tensor) {
  return tensor.defined() ? fmt::format("[{}]", fmt::join(tensor.sizes(), ", ")) : "none";
}

}  // namespace

MetricNeeds PairedMetric::needs() const {
  MetricNeeds needs;
  needs.images = needs.reference = true;
  needs.reference_rows = 1;
  return needs;
}

void PairedMetric::add(const MetricBatch& batch) {
  const at::Tensor& images = batch.generated.images;
  const at::Tensor& references = batch.reference.images;
  if (!images.defined() && !references.defined()) return;
  if (!images.defined() || !references.defined() || images.sizes() != references.sizes()) {
    throw UsageError("[{}] images and references must pair up, got {} and {}", owner_,
                     shape_of(images), shape_of(references));
  }
  if (images.dim() != 4 || images.size(3) != 3 || images.scalar_type() != at::kByte ||
      references.scalar_type() != at::kByte) {
    throw UsageError("[{}] images must be bytes [samples, height, width, 3]", owner_);
  }
  if (images.numel() == 0) return;
  const int64_t step = std::max<int64_t>(1, kValuesAtOnce / images[0].numel());
  for (int64_t begin = 0; begin < images.size(0); begin += step) {
    const at::Tensor part =
        compare(images.slice(0, begin, begin + step), references.slice(0, begin, begin + step))
            .contiguous();
    const double* first = part.const_data_ptr<double>();
    values_.insert(values_.end(), first, first + part.numel());
  }
}

void PairedMetric::merge(const Metric& other) {
  const auto& shard = same_kind(*this, other);
  values_.insert(values_.end(), shard.values_.begin(), shard.values_.end());
}

MetricResult PairedMetric::result() const {
  if (values_.empty()) throw UsageError("[{}] no pairs of images were given", owner_);
  std::vector<double> sorted = values_;  // one order of summation, whatever the order of arrival
  std::sort(sorted.begin(), sorted.end());
  const Spread spread = spread_of(sorted);
  MetricResult result;
  result.value = settle(spread.mean, std::abs(spread.mean));
  result.std =
      settle(spread.std / std::sqrt(static_cast<double>(sorted.size())), std::abs(spread.mean));
  result.protocol["pairs"] = sorted.size();
  describe(result.protocol);
  result.protocol["std"] = "standard error of the mean over pairs";
  return result;
}

}  // namespace cq
