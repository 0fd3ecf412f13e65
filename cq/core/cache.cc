#include "cq/core/cache.h"

namespace cq {

at::Tensor apply_affine(const at::Tensor& x, const at::Tensor& slope, const at::Tensor& offset) {
  if (x.dim() == 4) return x * slope.view({1, -1, 1, 1}) + offset.view({1, -1, 1, 1});
  return x * slope + offset;
}

CachePoint point_of(const CachePolicy& policy, const Network& network, int64_t steps) {
  const auto site = policy.site();
  auto point = network.cache_point(site.branch, site.blocks);
  if (const auto late = policy.late_site(steps)) {
    const auto other = network.cache_point(late->site.branch, late->site.blocks);
    point.late = {other.name, other.blocks, late->from};
  }
  return point;
}

at::Tensor FeatureKeeper::read(const at::Tensor& kept, int64_t, const at::Tensor& slope,
                               const at::Tensor& offset) const {
  return slope.defined() ? apply_affine(kept, slope, offset) : kept;
}

const FeatureKeeper& ScheduledCache::as_it_is() {
  static const FeatureKeeper keeper;
  return keeper;
}

at::Tensor ScheduledCache::at(const Point& point, int64_t step,
                              c10::function_ref<at::Tensor()> compute) {
  if (point != point_at(step)) return compute();
  if (schedule_.recomputes(step)) {
    auto value = compute();
    kept_ = keeper_.keep(value, step);
    return value;
  }
  const int64_t kept_at = schedule_.group_start(step);
  if (correction_.empty()) return keeper_.read(kept_, kept_at, {}, {});
  return keeper_.read(kept_, kept_at, correction_.slope[step], correction_.offset[step]);
}

at::Tensor PinnedPoint::at(const Point& point, int64_t, c10::function_ref<at::Tensor()> compute) {
  if (point != point_.name) return compute();
  if (!given_) value_ = compute();
  return value_;
}

}  // namespace cq
