#pragma once
// Commands that run one cell outside of an experiment: what its execution is made of.
#include "cq/base/progress.h"
#include "cq/experiments/pipeline/execution.h"

namespace cq {

/// The cell that a composed command line describes: an experiment's, without images to compare.
StageContext context_of(const config::Node& config);

/// Completes what the cell's execution is made of. Ranges, schedules and corrections are those of
/// an experiment with the same keys, and shared with it. Returns the folders, by input.
NamedFolders prepare_estimates(const StageContext& context, Progress& progress);

}  // namespace cq
