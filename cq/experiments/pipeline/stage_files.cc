#include "cq/experiments/pipeline/stage_files.h"

#include <ATen/ops/tensor.h>

#include "cq/base/error.h"
#include "cq/base/json.h"
#include "cq/core/io/npy.h"
#include "cq/core/io/npz.h"
#include "cq/core/io/safetensors.h"
#include "cq/methods/cache/uniform_schedule.h"

namespace cq {

void save_tensors(const std::filesystem::path& file, const NamedTensors& tensors) {
  write_safetensors(file, {tensors.begin(), tensors.end()});
}

NamedTensors load_tensors(const std::filesystem::path& file) {
  NamedTensors all;
  const auto opened = SafeTensors::open(file);
  for (const auto& name : opened.names()) all[name] = opened.tensor(name);
  return all;
}

void save_trajectory(const std::filesystem::path& folder, const Trajectory& trajectory) {
  std::vector<std::pair<std::string, at::Tensor>> tensors{
      {"x", trajectory.x},
      {"labels", trajectory.labels},
      {"timesteps", at::tensor(trajectory.timesteps, at::kLong)}};
  if (!trajectory.step_of_call.empty()) {
    tensors.emplace_back("step_of_call", at::tensor(trajectory.step_of_call, at::kLong));
  }
  write_safetensors(folder / "trajectory.safetensors", tensors,
                    {{"seed", std::to_string(trajectory.seed)}});
}

Trajectory load_trajectory(const std::filesystem::path& folder) {
  const auto file = SafeTensors::open(folder / "trajectory.safetensors");
  const auto numbers = [&](const char* name) {
    const auto tensor = file.tensor(name);
    const int64_t* first = tensor.data_ptr<int64_t>();
    return std::vector<int64_t>(first, first + tensor.numel());
  };
  return {file.tensor("x"), file.tensor("labels"), numbers("timesteps"),
          std::stoull(file.metadata().at("seed")),
          file.contains("step_of_call") ? numbers("step_of_call") : std::vector<int64_t>()};
}

void save_distances(const std::filesystem::path& folder, const CostTable& costs) {
  const auto table = at::tensor(costs.square(), at::kDouble).view({costs.steps(), costs.steps()});
  write_npy(folder / "distances.npy", table);
}

CostTable load_distances(const std::filesystem::path& folder, int64_t window) {
  const auto path = folder / "distances.npy";
  const auto table = read_npy(path).to(at::kDouble).contiguous();
  const double* values = table.data_ptr<double>();
  const int64_t steps = table.size(0);
  CostTable costs(steps, window);
  for (int64_t start = 0; start < steps; ++start) {
    for (int64_t t = start; t < std::min(steps, start + costs.width()); ++t) {
      costs.at(start, t) = values[start * steps + t];
    }
  }
  costs.validate(path.string());
  return costs;
}

void save_schedule(const std::filesystem::path& folder, const Schedule& schedule,
                   const CostTable* costs, int64_t interval) {
  auto json = to_json(schedule);
  if (costs != nullptr) {
    json["cost"] = schedule_cost(schedule, *costs);
    if (interval <= costs->width()) {
      json["uniform_cost"] = schedule_cost(uniform_schedule(schedule.steps, interval), *costs);
    }
  }
  write_json(folder / "schedule.json", json);
}

Schedule load_schedule(const std::filesystem::path& folder) {
  const auto path = folder / "schedule.json";
  return schedule_from_json(read_json(path), path.string());
}

void save_calibration(const std::filesystem::path& folder, const Calibration& calibration) {
  save_tensors(folder / "calibration.safetensors", calibration);
}

Calibration load_calibration(const StageFolder& folder) {
  auto ranges = load_tensors(folder.input("calibration") / "calibration.safetensors");
  ranges.merge(load_tensors(folder.input("weight_ranges") / "calibration.safetensors"));
  return ranges;
}

void save_corrections(const std::filesystem::path& folder, const Corrections& corrections) {
  save_tensors(folder / "correction.safetensors", tensors_of(corrections));
  write_json(folder / "errors.json", corrections.errors);
}

Corrections load_corrections(const std::filesystem::path& folder) {
  const auto path = folder / "correction.safetensors";
  return corrections_of(load_tensors(path), path.string());
}

void save_samples(const std::filesystem::path& folder, const SampleShard& shard) {
  write_npz(folder / "samples.npz", {{"arr_0", shard.images}, {"arr_1", shard.labels}});
}

SampleShard load_samples(const std::filesystem::path& folder) {
  const auto file = Npz::open(folder / "samples.npz");
  return {file.tensor("arr_0"), file.tensor("arr_1")};
}

}  // namespace cq
