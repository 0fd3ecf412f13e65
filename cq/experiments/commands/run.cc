#include "cq/experiments/commands/run.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/base/log.h"
#include "cq/base/version.h"
#include "cq/config/compose.h"
#include "cq/config/emit.h"
#include "cq/config/resolve.h"
#include "cq/experiments/commands/common_context.h"
#include "cq/experiments/commands/experiment_run.h"
#include "cq/experiments/commands/status.h"
#include "cq/experiments/launchers/launch_status.h"
#include "cq/experiments/launchers/launcher.h"
#include "cq/experiments/pipeline/experiment.h"
#include "cq/experiments/pipeline/short_measurement.h"
#include "cq/experiments/setup/program_files.h"

namespace cq {

namespace {

std::shared_ptr<const config::JobList> compose_jobs(const RunOptions& options) {
  if (!std::filesystem::is_regular_file(options.config)) {
    throw UsageError("no such config file: {}", options.config.string());
  }
  config::ComposeRequest request;
  request.primary = options.config;
  request.extra_dirs = options.config_dirs;
  request.fallback_dir = config_folder();
  request.overrides = options.overrides;
  request.multirun = options.multirun;
  return std::make_shared<config::JobList>(request);
}

int print_jobs(const config::JobList& jobs, bool resolve) {
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (i > 0) fmt::print("---\n");
    const auto config = jobs.job(i).config;
    fmt::print("{}", config::to_yaml(resolve ? config::resolve(config) : config));
  }
  return 0;
}

/// For each pending cell the largest number of its missing stages that are of one kind: as many
/// workers could share them.
std::vector<size_t> widths_of(Plan& plan, const PlanState& state) {
  std::vector<size_t> widths;
  for (const size_t index : state.pending) {
    std::map<std::string_view, size_t> kinds;
    std::vector<StageId> open;
    std::set<StageId> seen;
    for (const auto& [name, id] : plan.cells()[index].finals) open.push_back(id);
    while (!open.empty()) {
      const StageId id = open.back();
      open.pop_back();
      if (!state.needed[id] || !seen.insert(id).second) continue;
      const auto& stage = plan.graph().at(id);
      ++kinds[stage.name.kind];
      for (const auto& [name, input] : stage.inputs) open.push_back(input);
    }
    size_t widest = 1;
    for (const auto& [kind, count] : kinds) widest = std::max(widest, count);
    widths.push_back(widest);
  }
  return widths;
}

std::vector<std::string> worker_arguments(const RunOptions& options, int64_t retry) {
  return {
      "--device",    options.common.device,    "--threads", std::to_string(options.common.threads),
      "--log-level", options.common.log_level, "--retry",   std::to_string(retry)};
}

/// The pending cells as they were composed, for workers elsewhere.
Launch freeze(Plan& plan, const PlanState& state, const JobSource& jobs, LaunchHeader header) {
  auto launch = Launch::create(plan.layout().folder());
  std::vector<FrozenCell> cells;
  for (const size_t index : state.pending) {
    cells.push_back(
        {plan.cells()[index].name, jobs.overrides(index), config::to_yaml(jobs.config(index))});
  }
  launch.write_cells(cells);
  launch.write_header(std::move(header));
  return launch;
}

struct Experiment {
  std::shared_ptr<const ComposedJobs> jobs;
  std::shared_ptr<Workbench> bench;
  Plan plan;
  std::string config_yaml;
};

int64_t retries_of(const Experiment& experiment, const RunOptions& options) {
  return options.retries.value_or(experiment.jobs->policy().retry);
}

/// Freezes what is missing and starts the launcher's workers on it; false where it has none.
bool start_workers(Experiment& experiment, Launcher& launcher, const RunOptions& options) {
  auto& plan = experiment.plan;
  const Store store(plan.layout().store());
  const auto state = plan.look(store);
  if (state.pending.empty()) return false;
  const auto& policy = experiment.jobs->policy();
  LaunchHeader header;
  header.launcher = policy.launcher.at("name").as_string();
  header.version = version_line();
  header.arguments = worker_arguments(options, retries_of(experiment, options));
  header.tasks = launcher.tasks(widths_of(plan, state));
  if (header.tasks.empty()) return false;
  write_plan(plan, experiment.config_yaml);
  auto launch = freeze(plan, state, *experiment.jobs, std::move(header));
  launcher.start(launch);
  return true;
}

int compute_here(Experiment& experiment, const RunOptions& options) {
  auto how = runner_options(options.common, {options.json_progress}, *experiment.bench);
  how.retries = retries_of(experiment, options);
  how.config_yaml = experiment.config_yaml;
  const auto summary = Runner(experiment.plan, how).run();
  fmt::print(stderr, "{}", summary.text());
  if (summary.done_before + summary.done_now > 0) {
    report_results(experiment.plan.layout().folder(), true);
  }
  return summary.exit_code;
}

/// Submits what is missing, unless an earlier launch is still at work on it.
int compute_elsewhere(Experiment& experiment, Launcher& launcher, const RunOptions& options) {
  const auto folder = experiment.plan.layout().folder();
  const auto earlier = Launch::newest(folder);
  if (earlier && read_launch_status(*earlier).at_work()) {
    log_info("{} is still at work: nothing is submitted", earlier->folder().string());
  } else if (!start_workers(experiment, launcher, options)) {
    return compute_here(experiment, options);  // all done: refreshes and reports
  }
  if (options.follow) return status_command({options.common, folder, true});
  fmt::print("{}", to_text(read_launch_status(*Launch::newest(folder))));
  fmt::print("cq-exp status {0} --follow; results come to {0}/report.html\n", folder.string());
  return 0;
}

int dry_run(Experiment& experiment, const RunOptions& options) {
  auto& plan = experiment.plan;
  const Store store(plan.layout().store());
  const auto state = plan.look(store);
  CostGuesses guesses;
  if (!state.pending.empty() && !plan.estimate(store, state).unknown_kinds.empty()) {
    experiment.bench->use(make_context(options.common).device);
    const auto config = experiment.jobs->config(state.pending.front());
    guesses = measure_shortly(*read_cell(config, *experiment.bench), *experiment.bench);
  }
  if (options.common.json) {
    fmt::print("{}\n", plan.describe_json(store, guesses).dump());
  } else {
    fmt::print("{}", plan.describe(store, guesses));
  }
  return 0;
}

int execute(const std::shared_ptr<const config::JobList>& list, const RunOptions& options) {
  const auto jobs = std::make_shared<const ComposedJobs>(list);
  const auto bench = std::make_shared<Workbench>();
  Experiment experiment{jobs, bench, plan_experiment(jobs, bench),
                        config::to_yaml(list->job(0).config)};
  if (options.dry_run) return dry_run(experiment, options);
  const auto& how = jobs->policy().launcher;
  const auto launcher = launcher_registry().make(how.at("name").as_string(), how);
  launcher->check();
  if (!launcher->computes_here()) return compute_elsewhere(experiment, *launcher, options);
  start_workers(experiment, *launcher, options);
  const int code = compute_here(experiment, options);
  launcher->finish();
  return code;
}

}  // namespace

int run_command(const RunOptions& options) {
  const auto jobs = compose_jobs(options);
  if (jobs->dropped() > 0) {
    log_info("{} cells of the sweep left out by `where`, {} are kept", jobs->dropped(),
             jobs->size());
  }
  if (!options.cfg.empty()) return print_jobs(*jobs, options.resolve);
  if (options.resolve) throw UsageError("--resolve belongs to --cfg job");
  return execute(jobs, options);
}

}  // namespace cq
