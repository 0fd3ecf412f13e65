#include "cq/experiments/commands/bench_model.h"

#include <algorithm>
#include <chrono>

#include <ATen/Context.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/json.h"
#include "cq/config/nearest.h"
#include "cq/core/device.h"
#include "cq/core/noise.h"
#include "cq/core/quant/calibration.h"
#include "cq/experiments/commands/bench_executions.h"
#include "cq/experiments/commands/bench_kernel_cases.h"
#include "cq/experiments/commands/bench_layers.h"
#include "cq/experiments/commands/bench_report.h"
#include "cq/experiments/commands/bench_timing.h"
#include "cq/experiments/commands/common_context.h"
#include "cq/experiments/commands/common_expect.h"
#include "cq/experiments/commands/explain.h"
#include "cq/experiments/pipeline/operation_counter.h"
#include "cq/experiments/setup/config_checks.h"
#include "cq/experiments/setup/load_model.h"
#include "cq/experiments/setup/program_config.h"
#include "cq/methods/register.h"

namespace cq {

namespace {

constexpr double kGiga = 1e9;
/// Images that ranges for a GPU are taken from, on the CPU, where a batch is larger.
constexpr int64_t kCalibrated = 8;

std::vector<std::string> chosen_executions(const BenchOptions& options) {
  if (options.executions.empty()) return execution_kinds();
  for (const auto& kind : options.executions) {
    const auto& known = execution_kinds();
    if (std::find(known.begin(), known.end(), kind) != known.end()) continue;
    throw UsageError("--executions '{}': unknown{} (known: {})", kind,
                     config::did_you_mean(kind, known), fmt::join(known, ", "));
  }
  return options.executions;
}

std::vector<std::string> measured_names(const std::vector<std::string>& kinds) {
  std::vector<std::string> names{"sampler_speedup"};
  for (const auto& kind : kinds) {
    names.push_back(kind + "_peak");
    if (kind == "integer") continue;
    names.push_back("integer_over_" + kind);
    names.push_back("cached_integer_over_" + kind);
  }
  return names;
}

std::vector<Expectation> read_expectations(const BenchOptions& options,
                                           const std::vector<std::string>& kinds) {
  const auto names = measured_names(kinds);
  std::vector<Expectation> result;
  for (const auto& text : options.expect) {
    result.push_back(read_expectation(text, "integer_over_float32>=4"));
    const auto& name = result.back().name;
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    throw UsageError("--expect '{}': nothing measured is called '{}'{} (known: {})", text, name,
                     config::did_you_mean(name, names), fmt::join(names, ", "));
  }
  return result;
}

double median_of(const BenchReport& r, const std::string& execution, const std::string& step) {
  for (const auto& cell : r.cells) {
    if (cell.execution == execution && cell.step == step) return cell.timing.median;
  }
  throw UsageError("--expect needs {} among --executions", execution);
}

double value_of(const BenchReport& r, const std::string& name) {
  if (name == "sampler_speedup") return r.sampler.back().speedup;
  if (name.ends_with("_peak")) {
    const auto kind = name.substr(0, name.size() - 5);
    for (const auto& cell : r.cells) {
      if (cell.execution == kind && cell.step == "full") return r.fraction(cell);
    }
  }
  const bool cached = name.starts_with("cached_");
  const auto kind = name.substr(name.find("_over_") + 6);
  const char* step = cached ? "cached" : "full";
  return median_of(r, kind, step) / median_of(r, "integer", step);
}

/// Layers of either kind of step, what they cost together.
double operations(const StepCount& count, int64_t batch) {
  return 2.0 * double(count.conv + count.linear + count.attention) * double(batch);
}

void draw_roofline(const BenchOptions& options, const BenchReport& report,
                   const LayerTimes& times) {
  const auto triad = triad_case();
  const double bandwidth = triad.amount / time_in_turns({triad.run}, options.rounds)[0].median;
  const auto title = fmt::format("{}, batch {}, {}", report.model, report.batch, report.machine());
  write_atomically(options.roofline,
                   roofline_svg(times, title, report.peak_gops.at("integer"), bandwidth / kGiga));
}

class ModelBench {
 public:
  ModelBench(const BenchOptions& options, const config::Node& config, const at::Device& device)
      : options_(options),
        model_(load_model(config)),
        sampler_(make_sampler(config.at("sampler"), model_->diffusion()).sampler) {
    auto quant = quant_parameters().parse(config.at("quant"));
    if (!quant.enabled()) throw UsageError("[bench] quant=none: choose one, such as quant=w8a8");
    const auto& cache = config.at("cache");
    cache_name_ = cache.at("name").as_string();
    policy_ = cache_registry().make(cache_name_, cache);
    if (!policy_->caches()) throw UsageError("[bench] cache=none: choose one, such as uniform");
    if (policy_->window() > 0) {
      throw UsageError(
          "[bench] cache={}: its schedule needs recorded runs; time depends on the "
          "interval alone, use cache=uniform",
          cache_name_);
    }
    const auto site = policy_->site();
    const auto& l = model_->latent();
    setting_ = {.model = model_.get(),
                .quant = std::move(quant),
                .point = model_->network().cache_point(site.branch, site.blocks),
                .timesteps = sampler_->timesteps(),
                .x = NoiseSource(0, 0).draw(options.batch, {l.channels, l.size, l.size}, 0),
                .labels = cycling_labels(0, options.batch, model_->classes())};
    if (setting_.timesteps.size() < 2) {
      throw UsageError("[bench] sampler.steps={}: at least 2", setting_.timesteps.size());
    }
    calibrate(device.is_cpu() ? options.batch : std::min(options.batch, kCalibrated));
    if (!device.is_cpu()) {
      model_->to(device);
      setting_.x = setting_.x.to(device);
      setting_.labels = setting_.labels.to(device);
    }
    for (const auto& kind : chosen_executions(options)) {
      executions_.push_back(std::make_unique<Execution>(setting_, kind));
    }
  }

  BenchReport run() {
    BenchReport r;
    r.model = model_->name();
    r.batch = options_.batch;
    r.threads = at::get_num_threads();
    const auto count = count_network(*model_, &setting_.point, Counter::thop);
    const auto device = setting_.x.device();
    if (device.is_cuda()) r.device = hardware_name(device);
    std::vector<std::function<void()>> runs;
    for (auto& e : executions_) {
      r.peak_gops[e->kind()] = 2 * peak_macs(e->kind(), device) / kGiga;
      if (e->kind() == "integer" && device.is_cpu()) {
        r.peak_gops["integer_product"] = 2 * product_macs() / kGiga;
      }
      runs.push_back([&e] { e->full_step(); });
      r.cells.push_back({e->kind(), "full", operations(count.full, options_.batch), {}});
      runs.push_back([&e] { e->cached_step(); });
      r.cells.push_back({e->kind(), "cached", operations(count.cached, options_.batch), {}});
    }
    const auto timings = time_in_turns(runs, options_.rounds);
    for (size_t i = 0; i < timings.size(); ++i) r.cells[i].timing = timings[i];
    time_samplers(r);
    return r;
  }

  std::string explained() const {
    std::string text;
    for (const auto& e : executions_) {
      text += fmt::format("{}\n{}", e->kind(), explain(model_->network(), e->executor()));
    }
    return text;
  }

  LayerTimes layers() const {
    for (const auto& e : executions_) {
      if (e->kind() == "integer") return time_layers(setting_, e->executor(), options_.rounds);
    }
    throw UsageError("--layers and --roofline show integer execution: have it among --executions");
  }

 private:
  /// On the CPU, of the first `images` of the batch.
  void calibrate(int64_t images) {
    ranges_ = calibrate_once(*model_, setting_.x.narrow(0, 0, images),
                             setting_.labels.narrow(0, 0, images), setting_.timesteps[0],
                             setting_.quant, int64_t(setting_.timesteps.size()), setting_.point);
    setting_.ranges = &ranges_;
  }

  /// Every execution without a cache and with it; speedups are over the first, without.
  void time_samplers(BenchReport& r) const {
    const int64_t steps = int64_t(setting_.timesteps.size());
    Schedule all{.steps = steps, .recompute = {}};
    for (int64_t t = 0; t < steps; ++t) all.recompute.push_back(t);
    const auto reusing = policy_->schedule(steps, nullptr);
    const int64_t interval =
        (steps + int64_t(reusing.recompute.size()) - 1) / int64_t(reusing.recompute.size());
    const auto time = [&](const Execution& e, const Schedule& schedule) {
      const auto start = std::chrono::steady_clock::now();
      e.sample(schedule);
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    for (const auto& e : executions_) {
      r.sampler.push_back({e->kind(), "none", 1, steps, time(*e, all)});
      r.sampler.push_back({e->kind(), cache_name_, interval, steps, time(*e, reusing)});
    }
    for (auto& row : r.sampler) row.speedup = r.sampler[0].seconds / row.seconds;
  }

  const BenchOptions& options_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<CachePolicy> policy_;
  std::string cache_name_;
  BenchSetting setting_;
  Calibration ranges_;
  std::vector<std::unique_ptr<Execution>> executions_;
};

}  // namespace

int bench_model(const BenchOptions& options) {
  auto common = options.common;
  if (common.device != "cuda") common.device = "cpu";
  if (common.device == "cuda" && !options.roofline.empty()) {
    throw UsageError("--roofline knows the bandwidth of the CPU's memory only: leave it out");
  }
  const auto expectations = read_expectations(options, chosen_executions(options));
  const auto context = make_context(common);
  const auto config = compose_program("bench", options.overrides);
  check_keys(config, {"model", "sampler", "cache", "quant", "weights", "seed"});
  // As a user of libtorch would have it.
  at::globalContext().setBenchmarkCuDNN(true);
  const c10::NoGradGuard no_grad;
  ModelBench bench(options, config, context.device);
  if (options.explain) {
    fmt::print("{}", bench.explained());
    return 0;
  }
  const auto report = bench.run();
  auto document = document_of(report);
  std::string table = table_of(report);
  if (options.layers || !options.roofline.empty()) {
    const auto times = bench.layers();
    if (options.layers) {
      document["layers"] = layer_document(times);
      table += layer_table(times);
    }
    if (!options.roofline.empty()) draw_roofline(options, report, times);
  }
  const std::string text = options.common.json ? pretty_json(document) : table;
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  check_expectations(expectations, [&](const std::string& name) { return value_of(report, name); });
  return 0;
}

}  // namespace cq
