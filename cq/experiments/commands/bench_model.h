#pragma once
#include "cq/experiments/commands/bench.h"

namespace cq {

/// `cq-exp bench model model=NAME`: a network in float32, bfloat16, simulated and integer
/// execution, a full step, a cached step and a whole sampler, timed in turns. Expectations:
/// integer_over_float32, integer_over_bfloat16, integer_over_simulated (speed ratios of full
/// steps), the same with `cached_` before it, EXECUTION_peak (fraction of the measured peak over a
/// full step), sampler_speedup.
int bench_model(const BenchOptions& options);

}  // namespace cq
