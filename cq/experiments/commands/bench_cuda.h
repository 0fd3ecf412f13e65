#pragma once
#include "cq/experiments/commands/bench.h"

namespace cq {

/// `bench kernels --device cuda`: the kernels of integer execution on the GPU, each launched
/// several times a round. Throws UsageError where they cannot run.
int bench_cuda_kernels(const BenchOptions& options);

}  // namespace cq
