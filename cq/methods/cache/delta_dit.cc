#include "cq/base/error.h"
#include "cq/core/cache.h"
#include "cq/methods/cache/uniform_schedule.h"

namespace cq {
namespace {

struct DeltaDitParameters {
  std::string variant = "paper";
  int64_t interval = 2;
  std::vector<int64_t> blocks = {};
  int64_t skipped = 21;
  std::optional<int64_t> boundary;
};

/// Keeps Delta = F_[i,j)(x_t) - x_t of a range of blocks; the steps until the next recomputed one
/// take x + Delta for the range's output. With L blocks of which Nc are skipped, the ideal speedup
/// is N L / (L + (N-1)(L-Nc)).
class DeltaDit : public CachePolicy {
 public:
  static constexpr const char* name = "delta_dit";
  static constexpr const char* doc =
      "reuses what a range of a transformer's blocks adds; `paper`: one range, as CacheQuant has "
      "it; `original`: the last blocks early on (outlines), the first ones late (details)";
  static constexpr const char* source = "Delta-DiT, Chen et al. 2024, arXiv 2406.01125";
  using Parameters = DeltaDitParameters;
  static const config::Params<Parameters>& parameters() {
    using P = Parameters;
    static const auto params =
        config::Params<P>()
            .field("variant", &P::variant, "one range of blocks, or two stages")
            .choices({"paper", "original"})
            .field("interval", &P::interval, "N, steps in a group", {1}, "steps")
            .field("blocks", &P::blocks,
                   "paper: [first, last) of the range, [] for the middle half (7..20 of 28)")
            .field("skipped", &P::skipped, "original: Nc, blocks that a step skips", {1, 1024},
                   "blocks")
            .field(
                "boundary", &P::boundary,
                "original: b, steps before the end of sampling at which the stages change; null: "
                "half of the steps",
                {0}, "steps");
    return params;
  }

  explicit DeltaDit(const Parameters& p) : p_(p) {
    if (original() && !p.blocks.empty()) {
      throw UsageError("[{}] blocks belongs to variant=paper; variant=original takes skipped",
                       name);
    }
    if (!p.blocks.empty() && p.blocks.size() != 2) {
      throw UsageError("[{}] expected blocks: [first, last], got {} numbers", name,
                       p.blocks.size());
    }
  }

  CacheSiteParameters site() const override {
    return {.branch = 0, .blocks = original() ? std::vector{-p_.skipped, int64_t(0)} : p_.blocks};
  }
  /// Step i of T is early while T - i > b. A group keeps the stage in which it begins, so the
  /// change costs no recomputed step.
  std::optional<LateSite> late_site(int64_t steps) const override {
    if (!original()) return std::nullopt;
    const int64_t b = p_.boundary.value_or(steps / 2);
    if (b > steps) {
      throw UsageError("[{}] boundary b={} lies before the first of T={} steps", name, b, steps);
    }
    return LateSite{{.branch = 0, .blocks = {0, p_.skipped}}, steps - b};
  }
  Schedule schedule(int64_t steps, const CostTable*) const override {
    return uniform_schedule(steps, p_.interval);
  }

 private:
  bool original() const { return p_.variant == "original"; }
  Parameters p_;
};

}  // namespace

void add_delta_dit_cache(CacheRegistry& registry);
void add_delta_dit_cache(CacheRegistry& registry) {
  registry.add<DeltaDit>();
}

}  // namespace cq
