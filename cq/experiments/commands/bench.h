#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cq/experiments/commands/common.h"

namespace cq {

struct BenchOptions {
  CommonOptions common;
  std::string what;                    ///< kernels or model
  std::vector<std::string> overrides;  ///< of the model's configuration
  std::vector<std::string> expect;     ///< "silu_ratio>=0.5"
  int64_t rounds = 0;  ///< times that each is measured, in turns; 0: 15 or, of models, 5
  int64_t batch = 2;   ///< model: images of a network call
  std::vector<std::string> executions;  ///< model: those to measure; none: all
  bool layers = false;                  ///< model: a line for each layer too
  std::filesystem::path roofline;       ///< model: where to draw the layers' speeds, an SVG
  bool explain = false;                 ///< model: what each layer runs as, for each execution
};

/// `cq-exp bench kernels|model`: measured speeds beside what the machine can do. Throws UsageError
/// before anything is measured, CheckError where an expectation does not hold.
int bench_command(const BenchOptions& options);

}  // namespace cq
