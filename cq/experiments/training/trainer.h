#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "cq/experiments/training/optimizer.h"

namespace cq {

/// Which images a step sees: step `step` of a run with `seed`, `batch` of `size` images, each
/// image once an epoch. A function of its arguments alone, so that a resumed run sees the same.
std::vector<int64_t> epoch_batch(int64_t size, int64_t batch, int64_t step, uint64_t seed);

/// Something that can be trained: the losses of one network over one data set.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;
  virtual std::vector<at::Tensor> trainable() const = 0;
  /// Values that `loss` changes beside the gradients (running statistics of batch norm), for the
  /// checkpoint to hold.
  virtual std::vector<std::pair<std::string, at::Tensor>> buffers() const { return {}; }
  /// Scalar loss of step `step`; everything random in it comes from (seed, step).
  virtual at::Tensor loss(int64_t step) = 0;
  /// Called with the averaged weights in place: held-out figures for the log, a picture.
  virtual std::string evaluate(int64_t step, const std::filesystem::path& folder) = 0;
  /// Writes the weights that are in place, for others to use.
  virtual void export_weights(const std::filesystem::path& file, int64_t step) = 0;
};

struct TrainingConfig {
  int64_t steps = 20000;
  int64_t batch = 128;
  int64_t warmup = 500;
  double learning_rate = 1e-3;
  double final_rate = 0.02;  ///< of the cosine, as a fraction of learning_rate
  double ema_decay = 0.9995;
  OptimizerConfig optimizer;
  std::string precision = "auto";  ///< auto, float32, bfloat16
  int64_t log_every = 20;
  int64_t evaluate_every = 1000;
  int64_t checkpoint_every = 250;
  int64_t stop_after = 0;  ///< seconds, 0 for none: checkpoints and returns
};

/// Trains to `config.steps`, continuing from `folder`/checkpoint.safetensors where there is one.
/// Leaves checkpoint.safetensors, weights.safetensors (averaged), losses.csv and grids there.
void train(TrainingTask& task, const TrainingConfig& config, const at::Device& device,
           const std::filesystem::path& folder);

}  // namespace cq
