#include "cq/metrics/jackknife.h"

#include <cmath>
#include <vector>

#include "cq/base/error.h"
#include "cq/metrics/content_order.h"
#include "cq/metrics/numerics/kernel_distance.h"
#include "cq/metrics/numerics/numpy_random.h"

namespace cq {
namespace {

constexpr uint32_t kSeed = 2020;

/// The part of each row: drawn over the rows in order of content, so that neither the order in
/// which they came nor their content favours a part.
std::vector<int64_t> parts_of(const at::Tensor& rows, int64_t splits) {
  const std::vector<int64_t> order = content_order<double>(rows.to(at::kDouble).contiguous());
  const std::vector<int64_t> drawn = NumpyRandom(kSeed).permutation(rows.size(0));
  std::vector<int64_t> parts(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    parts[static_cast<size_t>(order[i])] = drawn[i] % splits;
  }
  return parts;
}

at::Tensor rows_without(const at::Tensor& rows, int64_t split, const std::vector<int64_t>& parts) {
  if (!rows.defined()) return rows;
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < rows.size(0); ++i) {
    if (parts[static_cast<size_t>(i)] != split) kept.push_back(i);
  }
  return rows.index_select(0, at::from_blob(kept.data(), {static_cast<int64_t>(kept.size())},
                                            at::TensorOptions().dtype(at::kLong)));
}

Interval interval_of(double value, double error, std::string method) {
  constexpr double kNormalQuantile = 1.959963984540054;  // of 0.975
  return {std::move(method), 0.95, value - kNormalQuantile * error,
          value + kNormalQuantile * error};
}

}  // namespace

void add_normal_interval(MetricResult& result, const std::string& method) {
  result.interval = interval_of(result.value, result.std.value(), method);
}

void add_interval(MetricResult& result, const std::function<std::unique_ptr<Metric>()>& make,
                  const MetricBatch& all, int64_t splits) {
  const SampleBatch& given = all.generated;
  const at::Tensor& rows = given.features.defined()  ? given.features
                           : given.spatial.defined() ? given.spatial
                                                     : given.logits;
  if (!rows.defined() || rows.size(0) < 2 * splits) {
    throw UsageError(
        "[interval] {} splits need the features or logits of at least {} generated "
        "samples",
        splits, 2 * splits);
  }
  const std::vector<int64_t> parts = parts_of(rows, splits);
  std::vector<double> values;
  for (int64_t split = 0; split < splits; ++split) {
    MetricBatch part = all;
    part.generated.features = rows_without(all.generated.features, split, parts);
    part.generated.spatial = rows_without(all.generated.spatial, split, parts);
    part.generated.text = rows_without(all.generated.text, split, parts);
    part.generated.logits = rows_without(all.generated.logits, split, parts);
    part.generated.labels = rows_without(all.generated.labels, split, parts);
    const auto metric = make();
    metric->add(part);
    values.push_back(metric->result().value);
  }
  const double error = spread_of(values).std * std::sqrt(static_cast<double>(splits - 1));
  result.interval =
      interval_of(result.value, error,
                  fmt::format("delete-one-split jackknife, {} splits, reference fixed", splits));
  if (!result.std) {
    result.std = error;
    result.protocol["std"] = "delete-one-split jackknife";
  }
}

}  // namespace cq
