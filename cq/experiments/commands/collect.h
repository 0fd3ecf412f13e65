#pragma once
#include <filesystem>

#include "cq/experiments/commands/common.h"

namespace cq {

struct CollectOptions {
  CommonOptions common;
  std::filesystem::path results;
};

/// `cq-exp collect results/<name>`: publishes the cells whose stages are complete and that no
/// worker published, and writes the report. Computes nothing. Returns 0 where every cell is done,
/// else 1.
int collect_command(const CollectOptions& options);

}  // namespace cq
