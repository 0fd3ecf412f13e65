#pragma once
// Distances between the features of nearby denoising steps, summed while sampling: a window of
// features instead of the whole trajectory, one pass for every cache interval up to a largest one.
#include <cstdint>
#include <string>
#include <vector>

#include "cq/core/cost_table.h"
#include "cq/core/long_pass.h"
#include "cq/core/tensor.h"

namespace cq {

enum class DistanceMetric {
  l1,      ///< sum |X[t] - X[i]|, CacheQuant's (arXiv 2503.01323)
  rel_l1,  ///< the same over sum |X[t]|
  l2,      ///< sum (X[t] - X[i])^2
  affine   ///< sum over channels of the squared error that the best affine map of X[i] to X[t],
           ///< one slope and offset a channel (DEC's a1, b1), leaves over
};

/// "l1", "rel_l1", "l2", "affine"; anything else throws UsageError.
DistanceMetric parse_distance_metric(const std::string& name);

enum class FeatureStorage { float32, float16, bfloat16 };
FeatureStorage parse_feature_storage(const std::string& name);

struct DistanceOptions {
  int64_t steps = 0;
  int64_t window = 0;  ///< L: distances for lags below it; 2 N serves DPS at every interval up to N
  DistanceMetric metric = DistanceMetric::l1;
  FeatureStorage storage = FeatureStorage::float32;  ///< of the features in the window
  int64_t lookahead = 8;     ///< steps that are held back and compared at once; costs their memory
  int64_t channel_axis = 1;  ///< of the features; only `affine` looks at it
};

/// Feed it every step's feature of a batch, steps 0..T-1 in order, then the next batch. Sums are
/// float32 within a block of at most 1,024 elements and float64 beyond, and do not depend on the
/// number of threads. Holds min(L - 1, T) + lookahead features of one batch.
class DistanceWindow {
 public:
  explicit DistanceWindow(const DistanceOptions& options);

  /// `feature`: [samples, ...] of any float type, copied; all steps of a batch have one shape.
  /// Throws RunError for NaN or infinity, naming the step (after `lookahead` steps at the latest).
  void add(int64_t step, const at::Tensor& feature);
  /// Adds what another window with the same options has seen.
  void merge(const DistanceWindow& other);
  /// The distances over all complete batches. Throws RunError within a batch and before the first.
  CostTable costs() const;

  /// Its sums, and the way back into a new window with the same options. Between batches: throws
  /// RunError within one.
  NamedTensors state() const;
  void take_up(const NamedTensors& state);

  int64_t samples() const { return samples_; }
  int64_t window_bytes() const;

 private:
  void begin_batch(const at::Tensor& feature);
  at::Tensor arranged(const at::Tensor& feature) const;
  void store(int64_t slot, const at::Tensor& feature);
  void flush();
  void sum_bin(int64_t bin, double* rows, double* pairs) const;
  void collect(int64_t bin, const double* rows, const double* pairs);
  void check_finite() const;
  const float* row(int64_t block, int64_t step, float* scratch) const;
  double affine_cost(int64_t start, int64_t step) const;

  DistanceOptions options_;
  int64_t slots_;

  // The current batch: its ring is [blocks][slots][block_length], so that all steps of one block
  // lie together.
  std::vector<int64_t> shape_;
  int64_t runs_ = 0;        // contiguous pieces that a block never straddles
  int64_t run_length_ = 0;  // elements of one
  int64_t block_length_ = 0;
  int64_t blocks_per_run_ = 0;
  int64_t bins_ = 0;
  at::Tensor ring_;
  int64_t next_step_ = 0;
  int64_t first_pending_ = 0;

  // Sums over all batches. A bin is a channel for `affine`; there is one otherwise.
  int64_t sum_bins_ = 0;
  std::vector<double> row_sums_;   // [bin][step][|x|, x, x^2]
  std::vector<double> pair_sums_;  // [bin][start][lag - 1][values]
  int64_t samples_ = 0;
  int64_t bin_elements_ = 0;  // elements a bin has seen at each step
};

}  // namespace cq
