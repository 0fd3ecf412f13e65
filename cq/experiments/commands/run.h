#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
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
  bool follow = false;  ///< with a launcher that works elsewhere: stay and show how it stands
  std::optional<int64_t> retries;  ///< in place of the config's `retry`
};

/// `cq-exp run CONFIG.yaml [override...]`: compose, plan, execute what is missing, report. Returns
/// the exit code; throws UsageError before anything is started.
int run_command(const RunOptions& options);

}  // namespace cq
