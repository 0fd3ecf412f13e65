#pragma once
#include <filesystem>

#include "cq/experiments/commands/common.h"

namespace cq {

struct StatusOptions {
  CommonOptions common;
  std::filesystem::path results;
  bool follow = false;
};

/// `cq-exp status results/<name>`: cells, stages, workers, batch jobs. With `follow` until nothing
/// is at work any more; then 0 where every cell is done, else 1.
int status_command(const StatusOptions& options);

}  // namespace cq
