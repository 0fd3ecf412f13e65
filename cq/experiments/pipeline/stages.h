#pragma once
// The stages of a cell. Each function describes one: what determines it, and how it is computed.
#include <memory>
#include <vector>

#include "cq/experiments/harness/graph.h"
#include "cq/experiments/pipeline/spec.h"

namespace cq {

/// What a stage computes with.
struct StageContext {
  CellHandle cell;
  std::shared_ptr<Workbench> bench;

  const Model& model() const { return *bench->model(*cell->model); }
  /// Model and sampler: determines every full-precision run.
  nlohmann::ordered_json process_key() const;
};

/// What a cell has of estimates; the later stages take `inputs()` of them.
struct CellStages {
  std::optional<StageId> schedule, weight_ranges, calibration, correction, recording;
  std::vector<std::pair<std::string, StageId>> inputs() const;
};

/// What determines a cache point.
nlohmann::ordered_json point_key(const CachePoint& point);

/// Full-precision runs for everything that is estimated.
Stage trajectory_stage(const StageContext& context);
/// Distances between the cached feature of nearby steps.
Stage distance_stage(const StageContext& context, StageId trajectory);
Stage schedule_stage(const StageContext& context, std::optional<StageId> distances);
/// Ranges of weights: the same for every cell of a weight width.
Stage weight_ranges_stage(const StageContext& context);
/// Ranges of activations: the same for every cell of a schedule and an activation width.
Stage calibration_stage(const StageContext& context, StageId trajectory,
                        std::optional<StageId> schedule);
Stage correction_stage(const StageContext& context, StageId trajectory, const CellStages& made);
/// Features of the trajectory's first runs, as an HDF5 trajectory file; conditional half only where
/// guidance computes both.
Stage recording_stage(const StageContext& context, StageId trajectory);
/// Adds every stage above that the cell needs before its images can be sampled.
CellStages add_estimates(const StageContext& context, Graph& graph);
/// Images first .. first + n - 1.
Stage sample_stage(const StageContext& context, const CellStages& made, int64_t first, int64_t n);
/// What determines the features that `data` names: weights and resize.
nlohmann::ordered_json network_key(const StageContext& context);
/// Features of one shard of images, from the network of `data`.
Stage feature_stage(const StageContext& context, StageId samples);
/// CLIP's features of one shard of images and of the texts they were asked for by.
Stage clip_stage(const StageContext& context, StageId samples);
/// Features or statistics of the real images, where they do not come with the network.
Stage reference_stage(const StageContext& context);
bool needs_reference_stage(const CellSpec& cell);

/// Everything that a cell's metrics look at, shard by shard; empty where none of them does.
struct MetricInputs {
  std::vector<StageId> samples, features, clip;
  std::vector<StageId> full_precision;  ///< images of the same seeds, for paired metrics
  std::optional<StageId> reference, correction;
};
Stage metric_stage(const StageContext& context, const MetricInputs& inputs);
/// Counted operations and measured time. Not reproducible to the bit, so apart from the metrics.
Stage efficiency_stage(const StageContext& context, const CellStages& made);

/// Network calls of a run, those that reuse a feature counted as the part of a whole one that they
/// take, roughly: for estimates.
double whole_calls(const CellSpec& cell);

/// Lags that distances are computed for: at least what the policy asks, rounded up so that the
/// intervals of a sweep share them.
int64_t distance_window(const CachePolicy& policy, int64_t steps);

}  // namespace cq
