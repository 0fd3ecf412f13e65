#pragma once
// What stages leave for each other, as files in a stage's folder.
#include <filesystem>

#include "cq/core/correction.h"
#include "cq/core/cost_table.h"
#include "cq/core/quant/calibration.h"
#include "cq/experiments/harness/stage.h"

namespace cq {

/// A safetensors file of them.
void save_tensors(const std::filesystem::path& file, const NamedTensors& tensors);
NamedTensors load_tensors(const std::filesystem::path& file);

/// trajectory.safetensors: x [T, n, C, h, w], labels, timesteps.
void save_trajectory(const std::filesystem::path& folder, const Trajectory& trajectory);
Trajectory load_trajectory(const std::filesystem::path& folder);

/// distances.npy: [T, T] float64, NaN beyond the window; readable by `cq-exp schedule --cost`.
void save_distances(const std::filesystem::path& folder, const CostTable& costs);
CostTable load_distances(const std::filesystem::path& folder, int64_t window);

/// schedule.json, as `results/<name>/cells/<cell>/schedule.json`.
void save_schedule(const std::filesystem::path& folder, const Schedule& schedule,
                   const CostTable* costs, int64_t interval);
Schedule load_schedule(const std::filesystem::path& folder);

/// calibration.safetensors: scales and zero points by name.
void save_calibration(const std::filesystem::path& folder, const Calibration& calibration);
/// What the inputs `weight_ranges` and `calibration` left.
Calibration load_calibration(const StageFolder& folder);

/// correction.safetensors and errors.json.
void save_corrections(const std::filesystem::path& folder, const Corrections& corrections);
Corrections load_corrections(const std::filesystem::path& folder);

/// samples.npz in ADM's layout: arr_0 uint8 [n, H, W, 3], arr_1 int64 labels [n].
struct SampleShard {
  at::Tensor images, labels;
};
void save_samples(const std::filesystem::path& folder, const SampleShard& shard);
SampleShard load_samples(const std::filesystem::path& folder);

}  // namespace cq
