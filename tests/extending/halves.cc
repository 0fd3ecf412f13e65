// Cache policy `halves`: dense recomputation in the noisy half, sparse in the clean one.
#include "cq/core/cache.h"

namespace cq {
namespace {

struct HalvesParameters {
  int64_t early = 2;
  int64_t late = 10;
  int64_t branch = 0;
};

class HalvesCache : public CachePolicy {
 public:
  static constexpr const char* name = "halves";
  static constexpr const char* doc =
      "one interval for the first half of the steps, one for the rest";
  static constexpr const char* source = "docs/extending.md";
  using Parameters = HalvesParameters;
  static const config::Params<Parameters>& parameters() {
    using P = Parameters;
    static const auto params =
        config::Params<P>()
            .field("early", &P::early, "interval of the first half", {1}, "steps")
            .field("late", &P::late, "interval of the second half", {1}, "steps")
            .field("branch", &P::branch, "last input block that a cached step computes", {0});
    return params;
  }

  explicit HalvesCache(const Parameters& p) : params_(p) {}
  CacheSiteParameters site() const override { return {.branch = params_.branch}; }
  Schedule schedule(int64_t steps, const CostTable*) const override {
    Schedule schedule{.steps = steps, .recompute = {}};
    for (int64_t t = 0; t < steps; t += t < steps / 2 ? params_.early : params_.late) {
      schedule.recompute.push_back(t);
    }
    return schedule;
  }

 private:
  Parameters params_;
};

}  // namespace

void add_halves_cache(CacheRegistry& registry);
void add_halves_cache(CacheRegistry& registry) {
  registry.add<HalvesCache>();
}

}  // namespace cq
