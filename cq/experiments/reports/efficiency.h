#pragma once
// The columns of cost: what is counted and what was measured, over a row's seeds.
#include <optional>

#include "cq/experiments/reports/rows.h"

namespace cq::reports {

/// Mean over the seeds of a counted figure; absent when no seed has it.
std::optional<double> mean_figure(const Row& row, std::optional<double> Efficiency::*figure);

/// Median of the seeds' medians, lowest of their lows, highest of their highs.
std::optional<Range> merged_range(const Row& row, std::optional<Range> Efficiency::*figure);

}  // namespace cq::reports
