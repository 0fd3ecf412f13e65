#pragma once
// From the jobs of a sweep to a plan of cells and stages.
#include <memory>

#include "cq/experiments/harness/plan.h"
#include "cq/experiments/pipeline/jobs.h"
#include "cq/experiments/pipeline/workbench.h"

namespace cq {

/// Every job as a cell with the stages it needs; equal stages are shared. Throws UsageError, naming
/// file and key, for any job that could not run: nothing has been started then.
Plan plan_experiment(const std::shared_ptr<const JobSource>& jobs,
                     const std::shared_ptr<Workbench>& bench);

}  // namespace cq
