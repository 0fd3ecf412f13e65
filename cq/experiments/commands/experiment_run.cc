#include "cq/experiments/commands/experiment_run.h"

#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include "cq/base/error.h"
#include "cq/base/version.h"
#include "cq/experiments/commands/common_context.h"
#include "cq/experiments/harness/provenance.h"
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
  input.libraries["torch"] =
      fmt::format("{}.{}.{}", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH);
  input.device = context.device.str();
  input.threads = context.threads;
  input.hashes = bench.hashes();
  return input;
}

}  // namespace

RunnerOptions runner_options(const CommonOptions& common, const ProgressOptions& progress,
                             const Workbench& bench) {
  if (common.device == "cuda") {
    throw UsageError("experiments compute on the CPU: leave --device out");
  }
  auto here = common;
  here.device = "cpu";
  RunnerOptions options;
  if (progress.json) options.progress = ProgressStyle::json;
  options.provenance = collect_provenance(provenance_of(bench, make_context(here)));
  return options;
}

void report_results(const std::filesystem::path& experiment, bool print) {
  write_report({.results = {experiment}, .formats = {}, .compare = false, .out = {}});
  if (!print) return;
  fmt::print("{}", terminal_table({experiment}));
  fmt::print("\n{}\n", (experiment / "report.html").string());
}

}  // namespace cq
