#pragma once
#include "cq/experiments/commands/common.h"

namespace cq {

struct BenchOptions {
  CommonOptions common;
  std::string what;                    ///< kernels
  std::vector<std::string> overrides;  ///< of the model's configuration
  std::vector<std::string> expect;     ///< "silu_ratio>=0.5"
  int64_t rounds = 15;                 ///< times that each is measured, one after the other
};

/// `cq-exp bench kernels`: measured speeds beside what the machine can do. Throws UsageError before
/// anything is measured, CheckError where an expectation does not hold.
int bench_command(const BenchOptions& options);

}  // namespace cq
