#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cq/experiments/commands/common.h"

namespace cq {

struct SampleOptions {
  CommonOptions common;
  std::vector<std::string> overrides;  ///< model=..., sampler.steps=..., weights=...
  int64_t images = 16;
  int64_t first = 0;            ///< index of the first image: its seed is seed + first
  std::optional<int64_t> seed;  ///< absent: the key `seed`
  int64_t batch = 64;
  std::vector<int64_t> labels;  ///< repeated over the images; empty: 0..classes-1
  std::filesystem::path out;    ///< a folder, or a file named *.npz
  bool explain = false;         ///< say what each layer runs as, and stop
};

/// `cq-exp sample`: images of a model. Image i depends on seed + i alone, not on the batch.
int sample_command(const SampleOptions& options);

}  // namespace cq
