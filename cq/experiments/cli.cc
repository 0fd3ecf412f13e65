#include "cq/experiments/cli.h"

#include <algorithm>
#include <functional>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/base/interrupt.h"
#include "cq/base/log.h"
#include "cq/core/kernels/isa.h"
#include "cq/core/quant/product_engine.h"
#include "cq/experiments/commands/about.h"
#include "cq/experiments/commands/bench.h"
#include "cq/experiments/commands/bops.h"
#include "cq/experiments/commands/clean.h"
#include "cq/experiments/commands/collect.h"
#include "cq/experiments/commands/convert.h"
#include "cq/experiments/commands/evaluate.h"
#include "cq/experiments/commands/inspect.h"
#include "cq/experiments/commands/list.h"
#include "cq/experiments/commands/probe.h"
#include "cq/experiments/commands/report.h"
#include "cq/experiments/commands/run.h"
#include "cq/experiments/commands/sample.h"
#include "cq/experiments/commands/schedule.h"
#include "cq/experiments/commands/status.h"
#include "cq/experiments/commands/train.h"
#include "cq/experiments/commands/work.h"
#include "cq/experiments/completion.h"
#include "cq/experiments/list_options.h"
#include "cq/experiments/setup/feature_networks.h"
#include "cq/experiments/setup/program_files.h"

namespace cq {

namespace {

/// What the parser fills and, once it is done, which command was chosen.
struct CommandLine {
  CommonOptions common;
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
  command
      ->add_option("--threads", line.common.threads, "threads; 0: one a processor that may be used")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--log-level", line.common.log_level, "debug, info, warning, error or off")
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
  command->add_flag("--markdown", options->markdown, "as a page, the docs' reference.md");
}

void add_run(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<RunOptions>();
  auto* command = add_command(app, line, "run", "Compose, plan, execute and report an experiment",
                              options, run_command);
  share_common(command, line, options);
  command->add_option("config", options->config, "CONFIG.yaml")->required();
  command->add_option("overrides", options->overrides, kOverrides);
  command->add_option("--config-dir", options->config_dirs, "a further folder of config groups")
      ->allow_extra_args(false);
  command->add_flag("-m,--multirun", options->multirun, "overrides may sweep: a=1,2");
  command->add_option("--cfg", options->cfg, "print the composed config and stop: job")
      ->check(CLI::IsMember({"job"}));
  command->add_flag("--resolve", options->resolve, "with --cfg: interpolations resolved");
  command->add_flag("--dry-run", options->dry_run, "print the plan and stop");
  command->add_flag("--json-progress", options->json_progress, "progress as JSON lines");
  command->add_flag("--follow", options->follow, "stay until the launcher's workers are done");
  command->add_option("--retry", options->retries, "in place of the key `retry`")
      ->check(CLI::NonNegativeNumber);
}

void add_work(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<WorkOptions>();
  auto* command = add_command(app, line, "work", "A worker of a launch: any machine may run one",
                              options, work_command);
  share_common(command, line, options);
  command->add_option("launch", options->launch, "results/<name>/launch/<number>")->required();
  command->add_option("--task", options->task, "one task of it; all cells where absent");
  command->add_option("--retry", options->retries, "repeat a stage after a transient error")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

void add_collect(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<CollectOptions>();
  auto* command = add_command(app, line, "collect", "Merge what distributed workers left", options,
                              collect_command);
  share_common(command, line, options);
  command->add_option("results", options->results, "results/<name>")->required();
}

void add_evaluate(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<EvaluateOptions>();
  options->make_network = make_feature_network;
  options->find_tokenizer = [] { return find_data_file("models/clip-tokenizer"); };
  auto* command = add_command(app, line, "evaluate", "Metrics of images, features or statistics",
                              options, evaluate_command);
  share_common(command, line, options);
  command->add_option("--generated", options->generated, "images, npz, HDF5 or features .npy");
  command->add_option("--reference", options->reference, "images, npz, HDF5, features, statistics");
  command->add_option("--metrics", options->metrics, "`cq-exp list metrics`")
      ->delimiter(',')
      ->required();
  command->add_option("--features", options->features, "none, cifar, inception or clip")
      ->capture_default_str();
  command->add_option("--weights", options->weights, "weights of the feature network");
  command->add_option("--resize", options->resize,
                      "pytorch-fid, adm or clean (inception); clip or cmmd (clip)");
  command->add_option("--lpips-weights", options->lpips_weights, "trunk and heads of LPIPS")
      ->delimiter(',');
  command->add_option("--prompts", options->prompts,
                      "texts (a line each, COCO .json, .tsv); tokens or features .npy");
  command->add_option("--cache", options->cache, "folder that keeps references' features, or none");
  command->add_option("--logits", options->logits, "logits .npy [N, classes]");
  command->add_option("--kid-subset-size", options->kid_subset_size, "a number or all");
  command->add_option("--kid-subsets", options->kid_subsets, "number of subsets");
  command->add_option("--is-splits", options->is_splits, "number of splits");
  command->add_option("--is-shuffle", options->is_shuffle, "none or a seed");
  command->add_option("--k", options->k, "neighbours of precision, recall, density, coverage");
  command->add_option("--seed", options->seed, "of whatever is drawn");
  command->add_option("--intervals", options->interval_splits, "splits of a jackknife interval");
  command->add_option("--batch", options->batch, "images at once")->capture_default_str();
  command->add_flag("--skip-bad", options->skip_bad, "leave unreadable images out, and count them");
  command->add_option("--expect", options->expect, "fid<=12.5; exit code 3 where it does not hold");
}

void add_inspect(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<InspectOptions>();
  auto* command = add_command(app, line, "inspect", "Names, shapes and types in a file", options,
                              inspect_command);
  command->parse_complete_callback([options, &line] { options->json = line.common.json; });
  command->add_option("file", options->file, "safetensors, torch, npz or HDF5")->required();
  command->add_flag("--stats", options->stats, "ranges as well");
  command->add_option("--out", options->out, "picture of a trajectory's step similarity");
}

void add_convert(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<ConvertOptions>();
  auto* command =
      add_command(app, line, "convert", "A checkpoint as safetensors", options, convert_command);
  command->add_option("in", options->in, "safetensors, torch, npz or HDF5; random with quant=")
      ->required();
  command->add_option("out", options->out, "safetensors, or a folder for a diffusers pipeline")
      ->required();
  command->add_option("overrides", options->overrides,
                      "layout=compvis|diffusers, head_channels=N; or quant=w8a8 model=NAME for "
                      "integer weights");
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
  command->add_option("--out", options->out, "folder for PNG files and a grid, or a file x.npz");
  command->add_flag("--explain", options->explain, "what each layer runs as; nothing is sampled");
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

void add_bench(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<BenchOptions>();
  auto* command = add_command(app, line, "bench", "Measured speeds beside the machine's peak",
                              options, bench_command);
  share_common(command, line, options);
  command->add_option("what", options->what, "kernels, or model with model=NAME")->required();
  command->add_option("overrides", options->overrides, kOverrides);
  command->add_option("--expect", options->expect,
                      "norm_silu_ratio>=0.5; exit code 3 where it does not hold");
  command->add_option("--rounds", options->rounds, "times that each is measured, in turns")
      ->check(CLI::PositiveNumber);
  command->add_option("--batch", options->batch, "model: images of a network call")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--executions", options->executions, "model: float32, bfloat16, ...; all")
      ->delimiter(',');
  command->add_flag("--layers", options->layers, "model: the time of each layer in integers");
  command->add_option("--roofline", options->roofline,
                      "model: picture of the layers' speeds in integers, FILE.svg");
  command->add_flag("--explain", options->explain, "model: what each layer runs as, nothing timed");
}

void add_probe(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<ProbeOptions>();
  auto* command = add_command(app, line, "probe", "One forward pass of a network: model=NAME",
                              options, probe_command);
  share_common(command, line, options);
  command->add_option("overrides", options->overrides, kOverrides);
  command->add_option("--input", options->input, "npz with x, t, context or y; z; tokens")
      ->required();
  command->add_option("--output", options->output, "npz with out and the taps")->required();
  command->add_option("--taps", options->taps, "layers and points to write as well")
      ->delimiter(',');
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

void add_status(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<StatusOptions>();
  auto* command = add_command(app, line, "status", "Where a run stands", options, status_command);
  share_common(command, line, options);
  command->add_option("results", options->results, "results/<name>")->required();
  command->add_flag("--follow", options->follow, "show every change until all is done");
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

/// Both print without starting anything; scripts of shells call the second.
void add_completion(CLI::App& app, CommandLine& line) {
  const auto shell = std::make_shared<std::string>();
  auto* script = app.add_subcommand("completion", "The completion script of a shell");
  script->add_option("shell", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  script->callback([shell, &line] {
    line.chosen = [shell] {
      std::cout << completion_script(*shell);
      return 0;
    };
  });
  const auto typed = std::make_shared<std::string>();
  auto* words = app.add_subcommand("complete", "Words that a command line may go on with");
  words->group("");
  words->add_option("line", *typed, "the command line so far")->required();
  words->callback([typed, &app, &line] {
    line.chosen = [typed, &app] {
      for (const auto& word : complete(app, *typed)) std::cout << word << "\n";
      return 0;
    };
  });
}

/// The message of an exception of a library, without the stack that libtorch adds to its own.
std::string first_part(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find("\nException raised from"));
}

int run_chosen(const CommandLine& line) {
  try {
    set_log_level(parse_log_level(line.common.log_level));
    limit_products();
    kernels::isa();  // a CQ_ISA that cannot be had stops here
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
  app.set_version_flag("--version", about_text);
  app.require_subcommand(1);
  CommandLine line;
  for (auto* add : {add_run, add_list, add_train, add_sample, add_evaluate, add_schedule, add_bops,
                    add_bench, add_probe, add_inspect, add_convert, add_report, add_work,
                    add_collect, add_status, add_clean, add_completion}) {
    add(app, line);
  }
  try {
    auto words = end_lists_at_overrides(app, {argv + 1, argv + argc});
    std::reverse(words.begin(), words.end());  // as CLI11 takes them
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : int(ExitCode::bad_usage);
  }
  return run_chosen(line);
}

}  // namespace cq
