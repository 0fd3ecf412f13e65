#include <limits>

#include "cq/methods/cache/dps_solver.h"
#include "cq/methods/cache/site.h"

namespace cq {
namespace {

struct DpsParameters : CacheSiteParameters, DpsBounds {
  int64_t interval = 10;
  std::string metric = "l1";
};

class DpsCache : public CachePolicy {
 public:
  static constexpr const char* name = "dps";
  static constexpr const char* doc = "the partition whose reused features are closest to the true";
  static constexpr const char* source = "CacheQuant, CVPR 2025, arXiv 2503.01323";
  using Parameters = DpsParameters;
  static const config::Params<Parameters>& parameters() {
    using P = Parameters;
    using Length = std::optional<int64_t> P::*;
    static const auto params = [] {
      config::Params<P> list;
      list.field("interval", &P::interval, "N; ceil(T / N) steps are recomputed", {1}, "steps");
      list.field("min_group", static_cast<Length>(&P::min_group),
                 "shortest group; null is ceil(N/2)", {1}, "steps");
      list.field("max_group", static_cast<Length>(&P::max_group),
                 "longest group, may exceed T; null is 2N", {1}, "steps");
      list.field("metric", &P::metric, "distance between features")
          .choices({"l1", "rel_l1", "l2", "affine"});
      list.field("bounded", static_cast<bool P::*>(&P::bounded),
                 "false lets groups have any length");
      return site_fields(list);
    }();
    return params;
  }

  explicit DpsCache(const Parameters& p) : params_(p) { checked_site(p, name); }
  CacheSiteParameters site() const override { return params_; }
  int64_t window() const override {
    constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
    if (!params_.bounded) return kAll;
    if (params_.max_group) return *params_.max_group;
    return params_.interval > kAll / 2 ? kAll : 2 * params_.interval;
  }
  std::string distance_metric() const override { return params_.metric; }
  void check(int64_t steps) const override { dps_group_lengths(steps, params_.interval, params_); }
  Schedule schedule(int64_t steps, const CostTable* costs) const override {
    check(steps);
    if (costs == nullptr || costs->steps() != steps) {
      throw RunError("[dps] needs the distances between the features of all {} steps", steps);
    }
    return dps_schedule(*costs, params_.interval, params_);
  }

 private:
  Parameters params_;
};

}  // namespace

void add_dps_cache(CacheRegistry& registry);
void add_dps_cache(CacheRegistry& registry) {
  registry.add<DpsCache>();
}

}  // namespace cq
