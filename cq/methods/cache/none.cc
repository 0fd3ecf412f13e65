#include "cq/core/cache.h"
#include "cq/methods/cache/uniform_schedule.h"

namespace cq {
namespace {

struct NoParameters {
  int64_t interval = 1;
  int64_t branch = 0;
};

class NoCache : public CachePolicy {
 public:
  static constexpr const char* name = "none";
  static constexpr const char* doc = "every step computes everything";
  static constexpr const char* source = "";
  using Parameters = NoParameters;
  static const config::Params<Parameters>& parameters() {
    static const auto params =
        config::Params<Parameters>()
            .field("interval", &Parameters::interval, "1: no cache is the cache of interval 1",
                   {1, 1})
            .field("branch", &Parameters::branch,
                   "of the policies that a sweep combines it with; nothing is kept", {0});
    return params;
  }

  explicit NoCache(const Parameters&) {}
  bool caches() const override { return false; }
  CacheSiteParameters site() const override { return {}; }
  Schedule schedule(int64_t steps, const CostTable*) const override {
    return uniform_schedule(steps, 1);
  }
};

}  // namespace

void add_no_cache(CacheRegistry& registry);
void add_no_cache(CacheRegistry& registry) {
  registry.add<NoCache>();
}

}  // namespace cq
