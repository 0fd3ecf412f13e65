// Stages that estimate: trajectories, distances, schedules, corrections.
#include <algorithm>
#include <bit>
#include <cstring>

#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include "cq/base/json.h"
#include "cq/core/distances.h"
#include "cq/experiments/harness/graph.h"
#include "cq/experiments/pipeline/stage_checkpoint.h"
#include "cq/experiments/pipeline/stage_files.h"
#include "cq/experiments/pipeline/stages.h"

namespace cq {

namespace {

using Json = nlohmann::ordered_json;

/// Lags that distances are computed for at least, so that the intervals of a sweep share them.
constexpr int64_t kLeastWindow = 64;

constexpr const char* kDistances = "distances.";

/// Adds the distances of a pass to what it leaves.
void leave(NamedTensors& state, const DistanceWindow& distances) {
  for (auto& [name, tensor] : distances.state()) state[kDistances + name] = tensor;
}

void take_up(const NamedTensors& left, DistanceWindow& distances) {
  NamedTensors state;
  for (const auto& [name, tensor] : left) {
    if (name.starts_with(kDistances)) state[name.substr(std::strlen(kDistances))] = tensor;
  }
  if (!state.empty()) distances.take_up(state);
}

int64_t batches(int64_t samples, int64_t batch) {
  return (samples + batch - 1) / batch;
}

int64_t interval_of(const CellSpec& cell) {
  const auto* interval = cell.config.at("cache").get(std::string_view("interval"));
  return interval == nullptr ? 1 : interval->as_int();
}

}  // namespace

double whole_calls(const CellSpec& cell) {
  constexpr double kReused = 0.15;
  const auto calls = double(cell.sampler->calls());
  if (!cell.policy->caches()) return calls;
  const double computed = 1 / double(std::max<int64_t>(1, interval_of(cell)));
  return calls * (computed + kReused * (1 - computed));
}

Json point_key(const CachePoint& point) {
  return {{"name", point.name}, {"blocks", point.blocks}};
}

Json StageContext::process_key() const {
  return {{"model", cell->model->key}, {"sampler", cell->key_of("sampler")}};
}

std::vector<std::pair<std::string, StageId>> CellStages::inputs() const {
  std::vector<std::pair<std::string, StageId>> list;
  if (schedule) list.emplace_back("schedule", *schedule);
  if (weight_ranges) list.emplace_back("weight_ranges", *weight_ranges);
  if (calibration) list.emplace_back("calibration", *calibration);
  if (correction) list.emplace_back("correction", *correction);
  return list;
}

int64_t distance_window(const CachePolicy& policy, int64_t steps) {
  if (policy.window() >= steps) return steps;
  const auto rounded = int64_t(std::bit_ceil(uint64_t(std::max(policy.window(), kLeastWindow))));
  return std::min(rounded, steps);
}

namespace {

/// What the distances of a stage are determined by, beside its trajectory.
Json distance_key(const CachePoint& point, const std::string& metric, int64_t window) {
  return {{"point", point_key(point)}, {"metric", metric}, {"window", window}};
}

/// Distances that the recording of trajectories adds up on its way, whatever the cells ask for:
/// those of the model's first cache point in the paper's metric. Others need a pass of their own.
struct WatchedDistances {
  static constexpr const char* metric = "l1";
  CachePoint point;
  int64_t window;
  Json key() const { return distance_key(point, metric, window); }
};

WatchedDistances watched_of(const CellSpec& cell) {
  return {cell.model->shapes->network().cache_point(0, {}),
          std::min(kLeastWindow, cell.sampler->calls())};
}

}  // namespace

Stage trajectory_stage(const StageContext& context) {
  const auto& cell = *context.cell;
  const int64_t n = cell.calibration.samples, steps = cell.sampler->calls();
  Stage stage{.kind = "trajectory",
              .params = context.process_key(),
              .inputs = {},
              .compute = {},
              .cost = weighing(double(n * steps))};
  stage.params["samples"] = n;
  stage.params["seed"] = cell.calibration.seed;
  stage.params["batch"] = cell.run.batch;
  stage.params["watched"] = watched_of(cell).key();
  stage.compute = [context, n, steps](StageFolder& folder) {
    const auto& c = *context.cell;
    const auto watched = watched_of(c);
    DistanceWindow distances({.steps = steps, .window = watched.window});
    StageCheckpoint checkpoint(folder);
    const auto pass = checkpoint.pass([&](NamedTensors& state) { leave(state, distances); });
    take_up(pass.left, distances);
    folder.expect(batches(n, c.run.batch) * steps, "steps",
                  batches(pass.next(), c.run.batch) * steps);
    const TrajectoryRequest request{c.guidance, n, uint64_t(c.calibration.seed), c.run.batch};
    const auto add = [&](int64_t step, const at::Tensor& value) { distances.add(step, value); };
    save_trajectory(folder.path(), record_trajectory(context.model(), *c.sampler, request,
                                                     {watched.point, add}, pass));
    save_distances(folder.path(), distances.costs());
    write_json(folder.path() / "distances.json", watched.key());
  };
  return stage;
}

namespace {

/// Visits every step of a trajectory again, for a point or metric that was not watched.
CostTable distances_of(const StageContext& context, const Trajectory& runs, int64_t window,
                       const PassControl& pass) {
  const auto& c = *context.cell;
  const c10::NoGradGuard no_grad;
  const int64_t n = runs.labels.size(0), batch = c.run.batch;
  DistanceWindow distances({.steps = runs.steps(),
                            .window = window,
                            .metric = parse_distance_metric(c.policy->distance_metric())});
  take_up(pass.left, distances);
  const FloatExecutor executor;
  for (int64_t first = pass.next(); first < n; first += batch) {
    const auto state = [&] {
      NamedTensors left{{"next", at::tensor(std::min(n, first + batch), at::kLong)}};
      leave(left, distances);
      return left;
    };
    const auto picked = at::arange(first, std::min(n, first + batch), at::kLong);
    for (int64_t t = 0; t < runs.steps(); ++t) {
      PinnedPoint watched(c.point);
      call_step(context.model(), executor, c.guidance, runs, picked, t, watched);
      distances.add(t, watched.value());
      pass.done(t + 1 == runs.steps() ? std::function<NamedTensors()>(state) : nullptr);
    }
  }
  return distances.costs();
}

}  // namespace

Stage distance_stage(const StageContext& context, StageId trajectory) {
  const auto& cell = *context.cell;
  const int64_t window = distance_window(*cell.policy, cell.sampler->calls());
  const auto key = distance_key(cell.point, cell.policy->distance_metric(), window);
  Stage stage{.kind = "distances",
              .params = key,
              .inputs = {{"trajectory", trajectory}},
              .compute = {},
              .cost = weighing(double(cell.calibration.samples * cell.sampler->calls()))};
  stage.params["guidance"] = cell.guidance;
  stage.params["batch"] = cell.run.batch;
  stage.compute = [context, window, key](StageFolder& folder) {
    const auto from = folder.input("trajectory");
    if (read_json(from / "distances.json") == key) {
      save_distances(folder.path(), load_distances(from, window));
      return;
    }
    const auto runs = load_trajectory(from);
    const int64_t n = runs.labels.size(0), batch = context.cell->run.batch;
    StageCheckpoint checkpoint(folder);
    const auto pass = checkpoint.pass();
    folder.expect(batches(n, batch) * runs.steps(), "steps",
                  batches(pass.next(), batch) * runs.steps());
    save_distances(folder.path(), distances_of(context, runs, window, pass));
  };
  return stage;
}

Stage schedule_stage(const StageContext& context, std::optional<StageId> distances) {
  const auto& cell = *context.cell;
  Stage stage{.kind = "schedule",
              .params = {{"cache", cell.key_of("cache")}, {"steps", cell.sampler->calls()}},
              .inputs = {},
              .compute = {},
              .cost = weighing(1)};
  if (distances) stage.inputs = {{"distances", *distances}};
  stage.compute = [context, measured = distances.has_value()](StageFolder& folder) {
    const auto& c = *context.cell;
    const int64_t steps = c.sampler->calls();
    CostTable costs;
    if (measured) {
      costs = load_distances(folder.input("distances"), distance_window(*c.policy, steps));
    }
    const CostTable* known = measured ? &costs : nullptr;
    save_schedule(folder.path(), c.policy->schedule(steps, known), known, interval_of(c));
  };
  return stage;
}

Stage correction_stage(const StageContext& context, StageId trajectory, const CellStages& made) {
  const auto& cell = *context.cell;
  Stage stage{.kind = "correction",
              .params = {{"correct", cell.key_of("correct")},
                         {"point", point_key(cell.point)},
                         {"guidance", cell.guidance}},
              .inputs = {{"trajectory", trajectory}},
              .compute = {},
              .cost = weighing(double(cell.calibration.samples * cell.sampler->calls()))};
  for (const auto& input : made.inputs()) stage.inputs.push_back(input);
  stage.compute = [context](StageFolder& folder) {
    const auto& c = *context.cell;
    const c10::NoGradGuard no_grad;
    const auto& model = context.model();
    const auto runs = load_trajectory(folder.input("trajectory"));
    const auto schedule = load_schedule(folder.input("schedule"));
    std::unique_ptr<SimulatedExecutor> quantized;
    if (c.quant.enabled()) {
      quantized =
          std::make_unique<SimulatedExecutor>(model.network(), c.quant, load_calibration(folder));
    }
    StageCheckpoint checkpoint(folder);
    const auto pass = checkpoint.pass();
    folder.expect(runs.steps(), "steps", pass.next());
    save_corrections(folder.path(), c.corrector->estimate({model, c.guidance, runs, schedule,
                                                           c.point, quantized.get(), pass}));
  };
  return stage;
}

CellStages add_estimates(const StageContext& context, Graph& graph) {
  const auto& cell = *context.cell;
  CellStages made;
  const bool measures = cell.policy->caches() && cell.policy->window() > 0;
  std::optional<StageId> trajectory;
  const bool records = !cell.record.points.empty();
  if (measures || records || cell.quant.enabled() || cell.corrector->corrects()) {
    trajectory = graph.add(trajectory_stage(context));
  }
  if (records) made.recording = graph.add(recording_stage(context, *trajectory));
  if (cell.policy->caches()) {
    std::optional<StageId> distances;
    if (measures) distances = graph.add(distance_stage(context, *trajectory));
    made.schedule = graph.add(schedule_stage(context, distances));
  }
  if (cell.quant.enabled()) {
    made.weight_ranges = graph.add(weight_ranges_stage(context));
    made.calibration = graph.add(calibration_stage(context, *trajectory, made.schedule));
  }
  if (cell.corrector->corrects()) {
    made.correction = graph.add(correction_stage(context, *trajectory, made));
  }
  return made;
}

}  // namespace cq
