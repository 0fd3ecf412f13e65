#include "cq/experiments/commands/bench.h"

#include "cq/base/error.h"
#include "cq/experiments/commands/bench_kernels.h"
#include "cq/experiments/commands/bench_model.h"

namespace cq {

int bench_command(const BenchOptions& options) {
  auto chosen = options;
  // `bench model=NAME` is `bench model model=NAME`.
  if (options.what.find('=') != std::string::npos) {
    chosen.what = "model";
    chosen.overrides.insert(chosen.overrides.begin(), options.what);
  }
  if (chosen.rounds == 0) chosen.rounds = chosen.what == "model" ? 5 : 15;
  if (chosen.what == "kernels") return bench_kernels(chosen);
  if (chosen.what == "model") return bench_model(chosen);
  throw UsageError("[bench] unknown '{}': expected kernels or model", options.what);
}

}  // namespace cq
