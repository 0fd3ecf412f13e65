#pragma once
#include <memory>
#include <optional>
#include <string>

#include "cq/config/registry.h"
#include "cq/core/cost_table.h"
#include "cq/core/network.h"
#include "cq/core/schedule.h"

namespace cq {

/// Keys of `cache` that say which value of the network is kept; common to all policies.
struct CacheSiteParameters {
  int64_t branch = 0;                ///< UNet: last input block that a cached step computes
  std::vector<int64_t> blocks = {};  ///< DiT: [first, last) of the range whose difference is kept
};

/// A caching policy turns the number of steps (and, where it asks for them, distances between
/// steps) into a schedule. Which value is kept is the site's business, what to do with a kept value
/// the corrector's; so policies know neither networks nor tensors.
class CachePolicy {
 public:
  virtual ~CachePolicy() = default;
  /// False: every step computes everything, `schedule` is never asked for.
  virtual bool caches() const { return true; }
  virtual CacheSiteParameters site() const = 0;
  /// The site of groups of steps that begin at or after `from`, where it is another one.
  struct LateSite {
    CacheSiteParameters site;
    int64_t from = 0;
  };
  virtual std::optional<LateSite> late_site(int64_t steps) const {
    (void)steps;
    return std::nullopt;
  }
  /// Lags below this must be in the cost table; 0 where no distances are needed.
  virtual int64_t window() const { return 0; }
  /// How distances between steps are taken, see parse_distance_metric.
  virtual std::string distance_metric() const { return "l1"; }
  /// Throws UsageError, beginning with `[name]`, where no schedule of so many steps exists: before
  /// anything is computed.
  virtual void check(int64_t steps) const {
    if (window() == 0) schedule(steps, nullptr);
  }
  /// `costs` is null unless window() > 0.
  virtual Schedule schedule(int64_t steps, const CostTable* costs) const = 0;
};

/// The point of a policy's site (or sites) in a network. Throws UsageError as Network::cache_point.
CachePoint point_of(const CachePolicy& policy, const Network& network, int64_t steps);

/// Policies that `cache.name` can name; filled by the methods library.
using CacheRegistry = config::Registry<CachePolicy>;

/// Affine map of the kept feature at each step, per channel: slope and offset [T, C] float32.
struct FeatureCorrection {
  at::Tensor slope, offset;
  bool empty() const { return !slope.defined(); }
};

/// How a kept value is held from step to step: as it is here, in 8 bits by quantized execution.
class FeatureKeeper {
 public:
  virtual ~FeatureKeeper() = default;
  /// What is held of a value that step `step` computed.
  virtual at::Tensor keep(const at::Tensor& value, int64_t step) const {
    (void)step;
    return value;
  }
  /// The value again, times slope[c] plus offset[c] (undefined: as it was); `step` as in keep.
  virtual at::Tensor read(const at::Tensor& kept, int64_t step, const at::Tensor& slope,
                          const at::Tensor& offset) const;
};

/// Keeps the value of one point by schedule: recomputed steps store it, the others get the stored
/// value, corrected. The keeper must outlive the cache.
class ScheduledCache : public PointHandler {
 public:
  ScheduledCache(Schedule schedule, CachePoint point, FeatureCorrection correction = {},
                 const FeatureKeeper& keeper = as_it_is())
      : schedule_(std::move(schedule)),
        point_(std::move(point)),
        correction_(std::move(correction)),
        keeper_(keeper) {}

  at::Tensor at(const Point& point, int64_t step, c10::function_ref<at::Tensor()> compute) override;
  bool watches(const Point& point, int64_t step) override { return point == point_at(step); }
  std::pair<int64_t, int64_t> block_range(int64_t step) const override {
    return is_late(step) ? point_.late->blocks : point_.blocks;
  }
  uint64_t kind(int64_t step) const override {
    return (schedule_.recomputes(step) ? 1 : 2) + (is_late(step) ? 2 : 0);
  }

 private:
  static const FeatureKeeper& as_it_is();
  bool is_late(int64_t step) const {
    return point_.late && schedule_.group_start(step) >= point_.late->from;
  }

  const Point& point_at(int64_t step) const {
    return is_late(step) ? point_.late->name : point_.name;
  }

  Schedule schedule_;
  CachePoint point_;
  FeatureCorrection correction_;
  const FeatureKeeper& keeper_;
  at::Tensor kept_;
};

/// Gives one point's value from outside instead of computing it, or, with no value, computes it
/// and remembers what came out.
class PinnedPoint : public PointHandler {
 public:
  explicit PinnedPoint(CachePoint point, at::Tensor value = {})
      : point_(std::move(point)), value_(std::move(value)), given_(value_.defined()) {}
  at::Tensor at(const Point& point, int64_t step, c10::function_ref<at::Tensor()> compute) override;
  bool watches(const Point& point, int64_t) override { return point == point_.name; }
  std::pair<int64_t, int64_t> block_range(int64_t) const override { return point_.blocks; }
  const at::Tensor& value() const { return value_; }

 private:
  CachePoint point_;
  at::Tensor value_;
  bool given_;
};

/// slope[step] * x + offset[step] along channels: dimension 1 of images, the last of tokens.
at::Tensor apply_affine(const at::Tensor& x, const at::Tensor& slope, const at::Tensor& offset);

}  // namespace cq
