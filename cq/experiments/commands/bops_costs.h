#pragma once
#include "cq/config/node.h"
#include "cq/experiments/pipeline/operation_counter.h"

namespace cq {

/// What `cq-exp bops` prints, for one call of the network on one image.
struct BopsCosts {
  NetworkCount count;
  int64_t steps = 0, recomputed = 0;
  double average = 0;  ///< MACs a step over the schedule
  double bops = 0;     ///< average x weight bits x activation bits
  int64_t parameters = 0;
  double compression = 1;  ///< 32 over the mean stored bits of the products' weights
};

/// Counts a composed config (model, sampler, cache, quant, weights, seed) without any weights.
/// Throws UsageError for what the network or the schedule cannot have.
BopsCosts count_costs(const config::Node& config, Counter counter);

}  // namespace cq
