#pragma once
#include "cq/experiments/commands/bench.h"

namespace cq {

/// `cq-exp bench kernels`: every fused kernel in GB/s (products in GOPS) and as a fraction of the
/// triad (the peak loop) of the same run. Expectations: NAME_ratio (that fraction), NAME_gbps,
/// NAME_gops, from medians.
int bench_kernels(const BenchOptions& options);

}  // namespace cq
