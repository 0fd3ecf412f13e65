#include "cq/experiments/commands/bench.h"

#include "cq/base/error.h"
#include "cq/experiments/commands/bench_kernels.h"

namespace cq {

int bench_command(const BenchOptions& options) {
  if (options.what == "kernels") return bench_kernels(options);
  throw UsageError("[bench] unknown '{}': expected kernels", options.what);
}

}  // namespace cq
