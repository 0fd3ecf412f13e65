#pragma once
// What `run`, `work` and `collect` share: a planned experiment and how it is run and reported.
#include <filesystem>
#include <memory>
#include <string>

#include "cq/experiments/commands/common.h"
#include "cq/experiments/harness/runner.h"
#include "cq/experiments/pipeline/experiment.h"

namespace cq {

struct ProgressOptions {
  bool json = false;
};

/// Device (of the bench from now on), threads and provenance of this process, progress as the
/// options say.
RunnerOptions runner_options(const CommonOptions& common, const ProgressOptions& progress,
                             Workbench& bench);

/// Writes the experiment's report and prints its table; nothing where no cell is done.
void report_results(const std::filesystem::path& experiment, bool print);

}  // namespace cq
