#pragma once
#include <cstdint>

#include "cq/core/tensor.h"
#include "cq/experiments/commands/common.h"

namespace cq {

/// Where a command computes.
struct Context {
  at::Device device = at::kCPU;
  int64_t threads = 1;
};

/// Chooses the device (`auto`: a GPU where there is one, and says which), and sets the number of
/// threads. Throws UsageError for `cuda` where there is none.
Context make_context(const CommonOptions& options);

}  // namespace cq
