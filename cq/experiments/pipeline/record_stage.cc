// The stage that keeps features of full-precision runs for people to look at.
#include <algorithm>
#include <cstdio>
#include <map>

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include "cq/base/error.h"
#include "cq/base/interrupt.h"
#include "cq/config/emit.h"
#include "cq/core/distances.h"
#include "cq/core/io/trajectory.h"
#include "cq/experiments/pipeline/stage_files.h"
#include "cq/experiments/pipeline/stages.h"

namespace cq {

namespace {

/// Range of a point that is one of equal blocks, `blocks.<first>-<last>`; (0, 0) for any other.
std::pair<int64_t, int64_t> blocks_of(const std::vector<Point>& points) {
  for (const auto& point : points) {
    long first = 0, last = 0;
    if (std::sscanf(point.c_str(), "blocks.%ld-%ld", &first, &last) == 2) return {first, last + 1};
  }
  return {0, 0};
}

/// Computes everything and keeps the last value of the points it was asked for.
class WatchedPoints : public PointHandler {
 public:
  explicit WatchedPoints(const std::vector<Point>& points)
      : points_(points), blocks_(blocks_of(points)) {}
  at::Tensor at(const Point& point, int64_t, c10::function_ref<at::Tensor()> compute) override {
    auto value = compute();
    if (std::find(points_.begin(), points_.end(), point) != points_.end()) values_[point] = value;
    return value;
  }
  std::pair<int64_t, int64_t> block_range(int64_t) const override { return blocks_; }

  /// Of the images with their condition, which are one half of a call with guidance.
  at::Tensor conditional(const Point& point, int64_t images, bool first_half) const {
    const auto& value = values_.at(point);
    return value.narrow(0, first_half ? 0 : value.size(0) - images, images);
  }

 private:
  std::vector<Point> points_;
  std::pair<int64_t, int64_t> blocks_;
  std::map<Point, at::Tensor> values_;
};

TrajectoryMeta describe(const CellSpec& cell) {
  config::Node config = config::Node::dict();
  for (const char* group : {"model", "sampler", "calibration", "record"}) {
    config.put(config::Key(group), cell.config.at(group));
  }
  return {cell.config.at("model").at("name").as_string(),
          cell.config.at("sampler").at("name").as_string(), cell.sampler->calls(),
          cell.calibration.seed, config::to_yaml(config)};
}

void record(const StageContext& context, StageFolder& folder) {
  const auto& cell = *context.cell;
  const c10::NoGradGuard no_grad;
  const auto runs = load_trajectory(folder.input("trajectory"));
  const bool cond_first = context.model().guidance().cond_first();
  const int64_t n = cell.record.samples, steps = runs.steps(), batch = cell.run.batch;
  TrajectoryWriter writer(folder.path() / "features.h5", describe(cell), runs.timesteps,
                          cell.record.dtype == "float16" ? at::kHalf : at::kFloat);
  std::map<Point, DistanceWindow> distances;
  for (const auto& point : cell.record.points) {
    distances.emplace(point, DistanceOptions{.steps = steps, .window = steps});
  }
  const FloatExecutor executor;
  folder.expect((n + batch - 1) / batch * steps, "steps");
  for (int64_t first = 0; first < n; first += batch) {
    const int64_t count = std::min(batch, n - first);
    const auto picked = at::arange(first, first + count, at::kLong);
    for (int64_t t = 0; t < steps; ++t) {
      WatchedPoints watched(cell.record.points);
      call_step(context.model(), executor, cell.guidance, runs, picked, t, watched);
      for (auto& [point, window] : distances) {
        const auto value = watched.conditional(point, count, cond_first);
        writer.append(point, t, value);
        window.add(t, value);
      }
      folder.bar().add(1);
      throw_if_interrupted();
    }
  }
  for (const auto& point : cell.record.points) {
    const auto table = at::tensor(distances.at(point).costs().square(), at::kDouble);
    const bool first = point == cell.record.points.front();
    writer.set_distance(first ? "l1" : "l1." + point, table.view({steps, steps}));
  }
  writer.commit();
}

}  // namespace

Stage recording_stage(const StageContext& context, StageId trajectory) {
  const auto& cell = *context.cell;
  Stage stage{.kind = "recording",
              .params = {{"points", cell.record.points},
                         {"samples", cell.record.samples},
                         {"dtype", cell.record.dtype},
                         {"guidance", cell.guidance},
                         {"batch", cell.run.batch}},
              .inputs = {{"trajectory", trajectory}},
              .compute = {},
              .cost = weighing(double(cell.record.samples * cell.sampler->calls()))};
  stage.compute = [context](StageFolder& folder) { record(context, folder); };
  return stage;
}

}  // namespace cq
