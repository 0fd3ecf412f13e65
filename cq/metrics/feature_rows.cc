#include "cq/metrics/feature_rows.h"

#include <algorithm>

#include "cq/base/error.h"
#include "cq/metrics/content_order.h"

namespace cq {
namespace {

at::Tensor sorted_by_content(const at::Tensor& given) {
  const at::Tensor rows = given.contiguous();
  std::vector<int64_t> order =
      rows.scalar_type() == at::kFloat ? content_order<float>(rows) : content_order<double>(rows);
  if (std::is_sorted(order.begin(), order.end())) return rows;
  return rows.index_select(
      0, at::from_blob(order.data(), {rows.size(0)}, at::TensorOptions().dtype(at::kLong)));
}

}  // namespace

void FeatureRows::add(const at::Tensor& rows) {
  check(rows);
  if (rows.size(0) == 0) return;
  width_ = rows.size(1);
  count_ += rows.size(0);
  // Half precision widens without loss; one type a set keeps sorting and products simple.
  batches_.push_back(rows.scalar_type() == at::kDouble ? rows : rows.to(at::kFloat));
}

void FeatureRows::check(const at::Tensor& rows) const {
  if (rows.dim() != 2) {
    throw UsageError("[{}] {} must be two-dimensional [samples, width], got {} dimensions", owner_,
                     what_, rows.dim());
  }
  if (!at::isFloatingType(rows.scalar_type())) {
    throw UsageError("[{}] {} must be of a float type, got {}", owner_, what_,
                     c10::toString(rows.scalar_type()));
  }
  if (rows.size(1) == 0) throw UsageError("[{}] {} have no columns", owner_, what_);
  if (count_ > 0 && rows.size(1) != width_) {
    throw UsageError("[{}] {} are {} wide, earlier ones {}", owner_, what_, rows.size(1), width_);
  }
  // Sums first: they cost no mask of the array's size. Finite values may overflow them.
  if (rows.sum(1).isfinite().all().item<bool>()) return;
  const at::Tensor bad = rows.isfinite().all(1).logical_not().nonzero();
  if (bad.size(0) > 0) {
    throw RunError("[{}] {} hold NaN or infinity, first in row {}", owner_, what_,
                   count_ + bad[0].item<int64_t>());
  }
}

void FeatureRows::merge(const FeatureRows& other) {
  if (other.empty()) return;
  if (count_ > 0 && other.width_ != width_) {
    throw UsageError("[{}] {} are {} wide, those of another shard {}", owner_, what_, width_,
                     other.width_);
  }
  width_ = other.width_;
  count_ += other.count_;
  batches_.insert(batches_.end(), other.batches_.begin(), other.batches_.end());
}

at::Tensor FeatureRows::in_order(SharedWork& shared) const {
  if (empty()) throw UsageError("[{}] no {} were given", owner_, what_);
  if (batches_.size() == 1) return batches_.front();
  return *shared.get<at::Tensor>("in order", batches_, [&] {
    at::ScalarType type = at::kFloat;
    for (const at::Tensor& batch : batches_) {
      if (batch.scalar_type() == at::kDouble) type = at::kDouble;
    }
    std::vector<at::Tensor> parts;
    for (const at::Tensor& batch : batches_) parts.push_back(batch.to(type));
    return at::cat(parts);
  });
}

at::Tensor FeatureRows::by_content(SharedWork& shared) const {
  const at::Tensor rows = in_order(shared);
  return *shared.get<at::Tensor>("by content", {rows}, [&] { return sorted_by_content(rows); });
}

}  // namespace cq
