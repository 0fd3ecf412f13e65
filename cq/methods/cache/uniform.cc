#include "cq/methods/cache/site.h"
#include "cq/methods/cache/uniform_schedule.h"

namespace cq {
namespace {

struct UniformParameters : CacheSiteParameters {
  int64_t interval = 10;
};

class UniformCache : public CachePolicy {
 public:
  static constexpr const char* name = "uniform";
  static constexpr const char* doc = "recomputes steps 0, N, 2N, ...";
  static constexpr const char* source = "DeepCache, CVPR 2024, arXiv 2312.00858";
  using Parameters = UniformParameters;
  static const config::Params<Parameters>& parameters() {
    static const auto params = [] {
      config::Params<Parameters> p;
      p.field("interval", &Parameters::interval, "N, steps in a group", {1}, "steps");
      return site_fields(p);
    }();
    return params;
  }

  explicit UniformCache(const Parameters& p)
      : interval_(p.interval), site_(checked_site(p, name)) {}
  CacheSiteParameters site() const override { return site_; }
  Schedule schedule(int64_t steps, const CostTable*) const override {
    return uniform_schedule(steps, interval_);
  }

 private:
  int64_t interval_;
  CacheSiteParameters site_;
};

}  // namespace

void add_uniform_cache(CacheRegistry& registry);
void add_uniform_cache(CacheRegistry& registry) {
  registry.add<UniformCache>();
}

}  // namespace cq
