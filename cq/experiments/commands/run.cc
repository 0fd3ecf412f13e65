#include "cq/experiments/commands/run.h"

#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include "cq/base/error.h"
#include "cq/base/log.h"
#include "cq/base/terminal.h"
#include "cq/base/version.h"
#include "cq/config/compose.h"
#include "cq/config/emit.h"
#include "cq/config/resolve.h"
#include "cq/experiments/commands/common_context.h"
#include "cq/experiments/harness/provenance.h"
#include "cq/experiments/harness/runner.h"
#include "cq/experiments/pipeline/experiment.h"
#include "cq/experiments/reports/report.h"

namespace cq {

namespace {

config::Composition compose_jobs(const RunOptions& options) {
  if (!std::filesystem::is_regular_file(options.config)) {
    throw UsageError("no such config file: {}", options.config.string());
  }
  config::ComposeRequest request;
  request.primary = options.config;
  request.extra_dirs = options.config_dirs;
  request.extra_dirs.push_back(config_folder());
  request.overrides = options.overrides;
  request.multirun = options.multirun;
  return config::compose(request);
}

int print_jobs(const config::Composition& composition, bool resolve) {
  bool first = true;
  for (const auto& job : composition.jobs) {
    if (!first) fmt::print("---\n");
    first = false;
    fmt::print("{}", config::to_yaml(resolve ? config::resolve(job.config) : job.config));
  }
  return 0;
}

ProvenanceInput provenance_of(const Workbench& bench, const Context& context) {
  const auto& build = build_info();
  ProvenanceInput input;
  input.version = version();
  input.revision = build.revision;
  input.dirty = build.dirty;
  input.compiler = build.compiler;
  input.libraries["torch"] =
      fmt::format("{}.{}.{}", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH);
  input.device = context.device.str();
  input.threads = context.threads;
  input.hashes = bench.hashes();
  return input;
}

int execute(const config::Composition& composition, const RunOptions& options) {
  auto jobs = composition.jobs;
  if (jobs.empty()) {
    throw UsageError("the sweep has no cell{}",
                     composition.dropped > 0
                         ? fmt::format(": `where` leaves out all {}", composition.dropped)
                         : std::string());
  }
  for (auto& job : jobs) job.config = config::resolve(job.config).with_paths();
  const auto bench = std::make_shared<Workbench>();
  Plan plan(results_of(jobs));
  plan_experiment(jobs, bench, plan);
  if (options.dry_run) {
    const Store store(plan.layout().store());
    fmt::print("{}", plan.describe(store));
    return 0;
  }
  const auto context = make_context(options.common);
  RunnerOptions runner_options;
  if (options.json_progress) runner_options.progress = ProgressStyle::json;
  runner_options.retries = options.retries;
  runner_options.config_yaml = config::to_yaml(composition.jobs.front().config);
  runner_options.provenance = collect_provenance(provenance_of(*bench, context));
  Runner runner(plan, runner_options);
  const auto summary = runner.run();
  fmt::print(stderr, "{}", summary.text());
  if (summary.done_before + summary.done_now > 0) {
    const auto folder = plan.layout().folder();
    write_report({.results = {folder}, .formats = {}, .compare = false, .out = {}});
    fmt::print("{}", terminal_table({folder}));
    fmt::print("\n{}\n", (folder / "report.html").string());
  }
  return summary.exit_code;
}

}  // namespace

int run_command(const RunOptions& options) {
  const auto composition = compose_jobs(options);
  if (composition.dropped > 0) {
    log_info("{} cells of the sweep left out by `where`, {} are kept", composition.dropped,
             composition.jobs.size());
  }
  if (!options.cfg.empty()) return print_jobs(composition, options.resolve);
  if (options.resolve) throw UsageError("--resolve belongs to --cfg job");
  return execute(composition, options);
}

}  // namespace cq
