#pragma once
#include <functional>

#include "cq/core/cache.h"
#include "cq/core/denoiser.h"
#include "cq/core/long_pass.h"
#include "cq/core/quant/simulated.h"

namespace cq {

/// What every network call of full-precision runs was made with, so that calibration and error
/// correction can visit any step without sampling again.
struct Trajectory {
  at::Tensor x;       ///< [T, n, C, h, w] float32
  at::Tensor labels;  ///< [n] int64
  std::vector<int64_t> timesteps;
  uint64_t seed = 0;  ///< of the first run
  /// Denoising step of each call, where it is not the call itself (PLMS calls twice in the first).
  std::vector<int64_t> step_of_call = {};
  int64_t steps() const { return x.size(0); }
};

/// Sees the value of one point at every step while a trajectory is recorded, batch by batch.
struct TrajectoryWatch {
  CachePoint point = {};
  std::function<void(int64_t step, const at::Tensor& value)> seen = {};
};

/// What is recorded: n images, seeds seed + 0 .. seed + n - 1, in batches of `batch`.
struct TrajectoryRequest {
  double guidance = 1;
  int64_t samples = 1;
  uint64_t seed = 0;
  int64_t batch = 1;
};

/// Samples in full precision and keeps what every network call was made with. Can be taken up after
/// a batch; `watch` then sees the batches that follow.
Trajectory record_trajectory(const Model& model, const Sampler& sampler,
                             const TrajectoryRequest& request, const TrajectoryWatch& watch = {},
                             const PassControl& pass = {});

/// Ranges of all weights. Of `quant` it takes what is said of weights. Can be taken up after every
/// layer.
Calibration calibrate_weights(const Network& network, const QuantParameters& quant,
                              const PassControl& pass = {});

/// Ranges, at every step, of all activations: at steps that recompute from `recompute_samples` runs
/// of the trajectory, at the others from `cached_samples` runs with the cached feature in place
/// (mechanics.md section 1, "Calibration set"). `schedule` with every step recomputed stands for no
/// cache. The network computes in floating point: of `quant` it takes what is said of activations
/// and samples. Can be taken up after every step.
Calibration calibrate_activations(const Model& model, double guidance, const Trajectory& trajectory,
                                  const QuantParameters& quant, const Schedule& schedule,
                                  const CachePoint& point, const PassControl& pass = {});

/// Ranges from one call of the network, the same for each of `steps` steps, and weight ranges
/// without a search: for measuring time, which ranges do not change. `point` undefined name: no
/// feature.
Calibration calibrate_once(const Model& model, const at::Tensor& x, const at::Tensor& labels,
                           int64_t timestep, const QuantParameters& quant, int64_t steps,
                           const CachePoint& point);

/// `n` of the trajectory's runs, drawn without replacement by `seed`.
at::Tensor draw_runs(int64_t available, int64_t n, uint64_t seed);

/// One network call of runs `picked` at step `step` of a trajectory.
at::Tensor call_step(const Model& model, const Executor& executor, double guidance,
                     const Trajectory& trajectory, const at::Tensor& picked, int64_t step,
                     PointHandler& points);

}  // namespace cq
