#pragma once
// The keys that say where a policy caches, the same for all of them.
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/core/cache.h"

namespace cq {

/// Declares `branch` and `blocks` of a struct derived from CacheSiteParameters.
template <class P>
config::Params<P>& site_fields(config::Params<P>& params) {
  params.field("branch", static_cast<int64_t P::*>(&P::branch),
               "UNet: last input block that a cached step computes", {0});
  params.field("blocks", static_cast<std::vector<int64_t> P::*>(&P::blocks),
               "DiT: [first, last) of the range whose difference is kept; below 0, and a last of "
               "0, from the end");
  return params;
}

inline CacheSiteParameters checked_site(const CacheSiteParameters& site, const std::string& who) {
  const auto& range = site.blocks;
  // Numbers from the end are the network's to judge.
  const bool known = range.size() == 2 && range[0] >= 0 && range[1] > 0;
  const bool fits = range.empty() || (range.size() == 2 && (!known || range[0] < range[1]));
  if (!fits) {
    throw UsageError("[{}] expected blocks: [first, last] with first < last, got [{}]", who,
                     fmt::join(site.blocks, ", "));
  }
  return site;
}

}  // namespace cq
