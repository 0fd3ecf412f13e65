#pragma once
// What an experiment will cost, from one network call where nothing was measured before.
#include "cq/experiments/harness/plan.h"
#include "cq/experiments/pipeline/spec.h"

namespace cq {

/// Seconds and bytes for one unit of weight of each kind of stage, from timed full-precision calls
/// of the cell's network (about half a second, or a single call of one image). Cached and
/// integer steps are faster than that, simulated quantization slower: a first guess, which the
/// store's own measurements replace.
CostGuesses measure_shortly(const CellSpec& cell, Workbench& bench);

}  // namespace cq
