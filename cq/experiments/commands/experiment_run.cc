#include "cq/experiments/commands/experiment_run.h"

#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include "cq/base/log.h"
#include "cq/base/version.h"
#include "cq/core/device.h"
#include "cq/core/out_of_memory.h"
#include "cq/experiments/commands/common_context.h"
#include "cq/experiments/harness/provenance.h"
#include "cq/experiments/reports/gnuplot.h"
#include "cq/experiments/reports/report.h"

namespace cq {

namespace {

ProvenanceInput provenance_of(const Workbench& bench, const Context& context) {
  const auto& build = build_info();
  ProvenanceInput input;
  input.version = version();
  input.revision = build.revision;
  input.dirty = build.dirty;
  input.compiler = build.compiler;
  input.libraries = {CQ_LIBRARIES};
  input.libraries["torch"] =
      fmt::format("{}.{}.{}", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH);
  input.device = context.device.str();
  if (!context.device.is_cpu()) input.device += ": " + hardware_name(context.device);
  input.threads = context.threads;
  input.hashes = bench.hashes();
  return input;
}

}  // namespace

RunnerOptions runner_options(const CommonOptions& common, const ProgressOptions& progress,
                             Workbench& bench) {
  const auto context = make_context(common);
  bench.use(context.device);
  RunnerOptions options;
  options.may_pass = is_out_of_memory;
  if (progress.json) options.progress = ProgressStyle::json;
  options.provenance = collect_provenance(provenance_of(bench, context));
  return options;
}

void report_results(const std::filesystem::path& experiment, bool print) {
  const bool pictures = reports::gnuplot_found();
  const std::vector<std::string> formats =
      pictures ? std::vector<std::string>() : std::vector<std::string>{"csv"};
  write_report({.results = {experiment}, .formats = formats, .compare = false, .out = {}});
  if (!pictures) {
    log_warning(
        "no gnuplot on PATH: report.csv only; where there is one, `cq-exp report {}` makes the "
        "rest",
        experiment.string());
  }
  if (!print) return;
  fmt::print("{}", terminal_table({experiment}));
  fmt::print("\n{}\n", (experiment / (pictures ? "report.html" : "report.csv")).string());
}

}  // namespace cq
