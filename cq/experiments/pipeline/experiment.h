#pragma once
// From the jobs of a sweep to a plan of cells and stages.
#include <filesystem>
#include <vector>

#include "cq/config/compose.h"
#include "cq/experiments/harness/plan.h"
#include "cq/experiments/pipeline/workbench.h"

namespace cq {

/// Adds every job as a cell with the stages it needs; equal stages are shared. Throws UsageError,
/// naming file and key, for any job that could not run: nothing has been started then.
/// `jobs`: composed configs with interpolations resolved, and their overrides.
void plan_experiment(const std::vector<config::ComposedJob>& jobs,
                     const std::shared_ptr<Workbench>& bench, Plan& plan);

/// Results folder and name of the jobs, which must agree. Throws UsageError.
ResultsLayout results_of(const std::vector<config::ComposedJob>& jobs);

}  // namespace cq
