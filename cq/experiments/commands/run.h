#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "cq/experiments/commands/common.h"

namespace cq {

struct RunOptions {
  CommonOptions common;
  std::filesystem::path config;
  std::vector<std::string> overrides;
  std::vector<std::filesystem::path> config_dirs;
  bool multirun = false;
  std::string cfg;  ///< "job": print the composed config and stop
  bool resolve = false;
  bool dry_run = false;
  bool json_progress = false;
  int64_t retries = 0;
};

/// `cq-exp run CONFIG.yaml [override...]`: compose, plan, execute what is missing, report. Returns
/// the exit code; throws UsageError before anything is started.
int run_command(const RunOptions& options);

}  // namespace cq
