#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "cq/experiments/commands/common.h"

namespace cq {

struct TrainOptions {
  CommonOptions common;
  std::filesystem::path config;
  std::vector<std::string> overrides;
};

/// `cq-exp train CONFIG.yaml [override...]`: trains a denoiser or the classifier in
/// <results_dir>/<name>, going on from the checkpoint that is there.
int train_command(const TrainOptions& options);

}  // namespace cq
