#pragma once
// What an experiment will cost, from one network call where nothing was measured before.
#include "cq/experiments/harness/plan.h"
#include "cq/experiments/pipeline/spec.h"

namespace cq {

/// Seconds and bytes for one unit of weight of each kind of stage, from a timed full-precision call
/// of the cell's network on at most `batch` images (at least two calls, about a second). Cached and
/// integer steps are faster than that, simulated quantization slower: a first guess, which the
/// store's own measurements replace.
CostGuesses measure_shortly(const CellSpec& cell, Workbench& bench);

}  // namespace cq
