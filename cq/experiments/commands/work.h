#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "cq/experiments/commands/common.h"

namespace cq {

struct WorkOptions {
  CommonOptions common;
  std::filesystem::path launch;  ///< results/<name>/launch/<number>
  std::optional<int64_t> task;   ///< absent: every cell, with no marker
  int64_t retries = 0;
};

/// `cq-exp work LAUNCH [--task I]`: a worker of a launch, wherever its file system is seen. Returns
/// the exit code of its run.
int work_command(const WorkOptions& options);

}  // namespace cq
