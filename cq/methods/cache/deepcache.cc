#include "cq/methods/cache/power_schedule.h"
#include "cq/methods/cache/site.h"
#include "cq/methods/cache/uniform_schedule.h"

namespace cq {
namespace {

struct DeepCacheParameters : CacheSiteParameters {
  int64_t interval = 5;
  std::string schedule = "uniform";
  std::optional<double> p = {};
  std::optional<int64_t> c = {};
};

class DeepCache : public CachePolicy {
 public:
  static constexpr const char* name = "deepcache";
  static constexpr const char* doc = "uniform or power-law groups";
  static constexpr const char* source = "DeepCache, CVPR 2024, arXiv 2312.00858";
  using Parameters = DeepCacheParameters;
  static const config::Params<Parameters>& parameters() {
    using P = Parameters;
    static const auto params = [] {
      config::Params<P> list;
      list.field("interval", &P::interval, "N; ceil(T / N) steps are recomputed", {1}, "steps");
      list.field("schedule", &P::schedule, "quad: centred powers (SD); ldm-quad: powers from 0")
          .choices({"uniform", "quad", "ldm-quad"});
      list.field("p", &P::p, "power; null is 1.4 for quad, 1.5 for ldm-quad");
      list.field("c", &P::c, "centre of quad; null is 15", {0}, "steps");
      return site_fields(list);
    }();
    return params;
  }

  explicit DeepCache(const Parameters& p) : params_(p) {
    checked_site(p, name);
    if (p.p && p.schedule == "uniform") {
      throw UsageError("[deepcache] p is a parameter of schedule: quad and ldm-quad, got uniform");
    }
    if (p.c && p.schedule != "quad") {
      throw UsageError("[deepcache] c is a parameter of schedule: quad, got {}", p.schedule);
    }
  }
  CacheSiteParameters site() const override { return params_; }
  Schedule schedule(int64_t steps, const CostTable*) const override {
    if (params_.schedule == "uniform") return uniform_schedule(steps, params_.interval);
    if (params_.schedule == "ldm-quad") {
      return ldm_quad_schedule(steps, params_.interval, params_.p.value_or(1.5));
    }
    const CentredPower defaults;
    return deepcache_quad_schedule(
        steps, params_.interval,
        {params_.p.value_or(defaults.power), params_.c.value_or(defaults.center)});
  }

 private:
  Parameters params_;
};

}  // namespace

void add_deepcache(CacheRegistry& registry);
void add_deepcache(CacheRegistry& registry) {
  registry.add<DeepCache>();
}

}  // namespace cq
