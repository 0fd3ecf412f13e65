#pragma once
#include <string>
#include <vector>

#include "cq/experiments/commands/common.h"

namespace cq {

struct BopsOptions {
  CommonOptions common;
  std::vector<std::string> overrides;  ///< model=..., cache=..., quant=..., sampler.steps=...
  std::string counter = "thop";        ///< thop or deepcache
  bool layers = false;                 ///< one line a layer
};

/// `cq-exp bops`: MACs of a full and of a cached step, their average over the schedule, BOPs,
/// parameters and compression, for one call of the network on one image.
int bops_command(const BopsOptions& options);

}  // namespace cq
