#pragma once
#include "cq/experiments/commands/common.h"
#include "cq/experiments/harness/clean.h"

namespace cq {

struct CleanCommandOptions {
  CommonOptions common;
  CleanOptions clean;
};

/// `cq-exp clean RESULTS_DIR`: drops stage outputs that no result needs.
int clean_command(const CleanCommandOptions& options);

}  // namespace cq
