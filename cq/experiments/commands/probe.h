#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "cq/experiments/commands/common.h"

namespace cq {

struct ProbeOptions {
  CommonOptions common;
  std::vector<std::string> overrides;   ///< model=..., weights=..., seed=...
  std::filesystem::path input, output;  ///< npz
  std::vector<std::string> taps;        ///< layers and points whose values are written as well
};

/// `cq-exp probe`: one forward pass of a network, in float32. The input's names choose the part of
/// the model: `t` its denoiser, `z` or `x` its first stage, `tokens` its text encoder; an encoder
/// of images is a model of its own.
int probe_command(const ProbeOptions& options);

}  // namespace cq
