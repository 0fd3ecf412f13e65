#include "cq/experiments/cli.h"

#include <functional>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/base/interrupt.h"
#include "cq/base/log.h"
#include "cq/base/version.h"
#include "cq/experiments/commands/bops.h"
#include "cq/experiments/commands/list.h"
#include "cq/experiments/commands/report.h"
#include "cq/experiments/commands/sample.h"
#include "cq/experiments/commands/schedule.h"
#include "cq/experiments/commands/train.h"
#include "cq/experiments/harness/clean.h"
#include "cq/experiments/harness/status.h"

namespace cq {

namespace {

/// What the parser fills and, once it is done, which command was chosen.
struct CommandLine {
  CommonOptions common;
  std::string log_level = "info";
  std::function<int()> chosen;
};

constexpr const char* kOverrides = "configuration, for instance sampler.steps=20 (Hydra's grammar)";

/// A command with the flags that all have. `run` is called with its options once all is parsed.
template <class Options>
CLI::App* add_command(CLI::App& app, CommandLine& line, const char* name, const char* doc,
                      std::shared_ptr<Options> options, int (*run)(const Options&)) {
  auto* command = app.add_subcommand(name, doc);
  command->add_option("--device", line.common.device, "auto, cpu or cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  command->add_option("--threads", line.common.threads, "threads; 0: as many as the machine has")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--log-level", line.log_level, "debug, info, warning, error or off")
      ->capture_default_str();
  command->add_flag("--json", line.common.json, "one JSON document on standard output");
  command->callback(
      [options, run, &line] { line.chosen = [options, run] { return run(*options); }; });
  return command;
}

template <class Options>
void share_common(CLI::App* command, CommandLine& line, std::shared_ptr<Options> options) {
  command->parse_complete_callback([options, &line] { options->common = line.common; });
}

void add_list(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<ListOptions>();
  auto* command = add_command(app, line, "list", "What is registered, with parameters and papers",
                              options, list_command);
  share_common(command, line, options);
  command->add_option("kind", options->kind, "models, networks, samplers, methods, ...");
  command->add_option("name", options->name, "one of the kind");
}

void add_train(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<TrainOptions>();
  auto* command =
      add_command(app, line, "train", "Train an embedded model, going on from its last checkpoint",
                  options, train_command);
  share_common(command, line, options);
  command->add_option("config", options->config, "CONFIG.yaml")->required();
  command->add_option("overrides", options->overrides, kOverrides);
}

void add_sample(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<SampleOptions>();
  auto* command =
      add_command(app, line, "sample", "Images of a model: model=NAME", options, sample_command);
  share_common(command, line, options);
  command->add_option("overrides", options->overrides, kOverrides);
  command->add_option("--n", options->images, "number of images")->capture_default_str();
  command->add_option("--first", options->first, "index of the first image: goes on with a series")
      ->capture_default_str();
  command->add_option("--seed", options->seed, "image i is drawn from seed + i");
  command->add_option("--batch", options->batch, "images at once")->capture_default_str();
  command->add_option("--labels", options->labels, "labels, repeated over the images")
      ->delimiter(',');
  command->add_option("--out", options->out, "folder for PNG files and a grid, or a file x.npz")
      ->required();
}

void add_bops(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<BopsOptions>();
  auto* command = add_command(app, line, "bops", "Operations, parameters and size: model=NAME",
                              options, bops_command);
  share_common(command, line, options);
  command->add_option("overrides", options->overrides, kOverrides);
  command->add_option("--counter", options->counter, "how operations are counted")
      ->check(CLI::IsMember({"thop", "deepcache"}))
      ->capture_default_str();
  command->add_flag("--layers", options->layers, "one line a layer");
}

void add_schedule(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<ScheduleOptions>();
  auto* command =
      add_command(app, line, "schedule", "Print a caching schedule", options, schedule_command);
  command->parse_complete_callback([options, &line] { options->json = line.common.json; });
  command->add_option("--method", options->method, "`cq-exp list schedules`")->required();
  command->add_option("--steps", options->steps, "denoising steps T")->required();
  command->add_option("--interval", options->interval, "cache interval N")->required();
  command->add_option("--cost", options->cost, "T x T table C[i][t] (.npy)");
  command->add_option("--min-group", options->min_group, "shortest group");
  command->add_option("--max-group", options->max_group, "longest group");
  command->add_option("params", options->params, "key=value of the method");
}

void add_report(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<ReportOptions>();
  auto* command = add_command(app, line, "report", "Tables and pictures from stored results",
                              options, report_command);
  command->add_option("results", options->results, "results/<name>, one or more")->required();
  command->add_option("--format", options->formats, "md,html,tex,csv; all where absent")
      ->delimiter(',');
  command->add_flag("--compare", options->compare, "one report over all of them");
  command->add_option("--out", options->out, "folder of the report");
}

struct StatusOptions {
  CommonOptions common;
  std::filesystem::path results;
};

int status_command(const StatusOptions& options) {
  const auto status = read_status(options.results);
  std::cout << (options.common.json ? to_json(status).dump() + "\n" : to_text(status));
  return 0;
}

void add_status(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<StatusOptions>();
  auto* command = add_command(app, line, "status", "Where a run stands", options, status_command);
  share_common(command, line, options);
  command->add_option("results", options->results, "results/<name>")->required();
}

struct CleanCommandOptions {
  CommonOptions common;
  CleanOptions clean;
};

int clean_command(const CleanCommandOptions& options) {
  const auto summary = clean_store(options.clean);
  if (options.common.json) {
    const nlohmann::ordered_json json = {{"removed", summary.removed},
                                         {"bytes", summary.bytes},
                                         {"kept", summary.kept},
                                         {"in_use", summary.in_use}};
    std::cout << json.dump() << "\n";
  } else {
    std::cout << fmt::format("{} {} stage outputs, {:.1f} MB; kept {}, in use {}\n",
                             options.clean.dry_run ? "would remove" : "removed", summary.removed,
                             double(summary.bytes) / 1e6, summary.kept, summary.in_use);
  }
  return 0;
}

void add_clean(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<CleanCommandOptions>();
  auto* command = add_command(app, line, "clean", "Drop stage outputs that no result needs",
                              options, clean_command);
  share_common(command, line, options);
  command->add_option("results_dir", options->clean.results_dir, "the folder `results`")
      ->required();
  command->add_flag("--finished", options->clean.finished, "also what only finished cells used");
  command->add_flag("--dry-run", options->clean.dry_run, "count without removing");
}

/// The message of an exception of a library, without the stack that libtorch adds to its own.
std::string first_part(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find("\nException raised from"));
}

int run_chosen(const CommandLine& line) {
  try {
    set_log_level(parse_log_level(line.log_level));
    return line.chosen();
  } catch (const Interrupted& signal) {
    fmt::print(stderr, "cq-exp: {}\n", signal.what());
    return signal.exit_code();
  } catch (const Error& error) {
    fmt::print(stderr, "cq-exp: {}\n", error.what());
    return int(error.code());
  } catch (const std::exception& error) {
    fmt::print(stderr, "cq-exp: {}\n", first_part(error));
    return int(ExitCode::run_failed);
  }
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  install_interrupt_handlers();
  CLI::App app("Caching, quantization and error correction of diffusion models", "cq-exp");
  app.set_version_flag("--version", [] { return version_line(); });
  app.require_subcommand(1);
  CommandLine line;
  for (auto* add : {add_list, add_train, add_sample, add_bops, add_schedule, add_report, add_status,
                    add_clean}) {
    add(app, line);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : int(ExitCode::bad_usage);
  }
  return run_chosen(line);
}

}  // namespace cq
