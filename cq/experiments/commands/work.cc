#include "cq/experiments/commands/work.h"

#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/base/interrupt.h"
#include "cq/experiments/commands/experiment_run.h"
#include "cq/experiments/launchers/launch.h"

namespace cq {

namespace {

int run_cells(const std::shared_ptr<const JobSource>& jobs, const WorkOptions& options) {
  const auto bench = std::make_shared<Workbench>();
  Plan plan = plan_experiment(jobs, bench);
  auto how = runner_options(options.common, {}, *bench);
  how.whole = false;
  how.retries = options.retries;
  const auto summary = Runner(plan, how).run();
  fmt::print(stderr, "{}", summary.text());
  return summary.exit_code;
}

int run_task(const std::shared_ptr<const Launch>& launch, const WorkOptions& options) {
  if (!options.task) return run_cells(std::make_shared<FrozenJobs>(launch), options);
  const auto& tasks = launch->header().tasks;
  if (*options.task < 0 || size_t(*options.task) >= tasks.size()) {
    throw UsageError("[work] no task {} in {}: it has {}", *options.task, launch->folder().string(),
                     tasks.size());
  }
  const auto cell = tasks[size_t(*options.task)];
  return run_cells(cell ? std::make_shared<FrozenJobs>(launch, std::vector<size_t>{*cell})
                        : std::make_shared<FrozenJobs>(launch),
                   options);
}

}  // namespace

int work_command(const WorkOptions& options) {
  const auto launch = std::make_shared<const Launch>(Launch::open(options.launch));
  if (!options.task) return run_task(launch, options);
  RunningTask task(*launch, size_t(*options.task));
  int code = int(ExitCode::run_failed);
  try {
    code = run_task(launch, options);
  } catch (const Interrupted& interrupt) {
    task.end(interrupt.exit_code());
    throw;
  } catch (...) {
    task.end(code);
    throw;
  }
  task.end(code);
  return code;
}

}  // namespace cq
