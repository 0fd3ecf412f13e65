#include "cq/experiments/pipeline/experiment.h"

#include <algorithm>
#include <set>

#include "cq/base/error.h"
#include "cq/base/hash.h"
#include "cq/config/emit.h"
#include "cq/core/io/image.h"
#include "cq/experiments/pipeline/stage_files.h"
#include "cq/experiments/pipeline/stages.h"
#include "cq/experiments/setup/config_checks.h"

namespace cq {

namespace {

using Jobs = std::shared_ptr<const JobSource>;

/// The same cell without cache, quantization and correction: what paired metrics compare with.
std::shared_ptr<const CellSpec> full_precision_of(const CellSpec& cell, Workbench& bench) {
  auto job = cell.config;
  for (const char* group : {"cache", "quant", "correct"}) {
    job.put(config::Key(group), config::Node::dict({{"name", "none"}}));
  }
  return read_cell(job, bench);
}

std::vector<StageId> add_shards(const StageContext& context, const CellStages& made, Graph& graph) {
  std::vector<StageId> shards;
  const auto& run = context.cell->run;
  for (int64_t first = 0; first < run.samples; first += run.shard) {
    const int64_t n = std::min(run.shard, run.samples - first);
    shards.push_back(graph.add(sample_stage(context, made, first, n)));
  }
  return shards;
}

void write_grid(const std::filesystem::path& file, const SampleShard& shard, int64_t classes) {
  constexpr int64_t kRows = 5;
  const int64_t shown = std::min(shard.images.size(0), kRows * classes);
  write_png(file, make_grid(shard.images.narrow(0, 0, shown), std::min(shown, classes)));
}

void publish(const std::filesystem::path& from, const std::filesystem::path& folder) {
  std::filesystem::copy_file(from, folder / from.filename());
}

/// config.json as reports read it: without keys of the run that change no result.
nlohmann::ordered_json published_config(const CellSpec& cell) {
  auto json = cell.config.to_json();
  json.erase("measure");
  json.erase("record");
  json.erase("variables");
  return json;
}

CellConfig cell_config(const CellSpec& cell) {
  return {published_config(cell), config::to_yaml(cell.config)};
}

void publish_results(const CellSpec& cell, CellFolder& folder) {
  publish(folder.stage("metrics") / "metrics.json", folder.path());
  publish(folder.stage("efficiency") / "efficiency.json", folder.path());
  if (cell.policy->caches()) publish(folder.stage("schedule") / "schedule.json", folder.path());
  write_grid(folder.path() / "grid.png", load_samples(folder.stage("samples")),
             cell.model->shapes->classes());
}

void check_place(const CellSpec& cell, const ResultsLayout& layout) {
  const ResultsLayout own{cell.run.results_dir, cell.run.name};
  if (own.results_dir == layout.results_dir && own.name == layout.name) return;
  throw UsageError("name and results_dir must be the same in all cells, got {} and {}",
                   layout.folder().string(), own.folder().string());
}

/// Whether a metric that nothing is missing of is such a one.
template <class Condition>
bool asks(const CellSpec& cell, const Condition& condition) {
  return std::any_of(cell.metrics.begin(), cell.metrics.end(), [&](const CellMetric& metric) {
    return metric.missing.empty() && condition(metric);
  });
}

/// Features of images and references, as far as a metric is taken on them. Images that none looks
/// at may be of a size that the feature network does not take.
void add_looks(const StageContext& context, MetricInputs& inputs, Graph& graph) {
  const auto& cell = *context.cell;
  const auto clip = [](const CellMetric& metric) { return metric.clip; };
  const auto own = [&](const CellMetric& m) { return !clip(m) && m.on_features(); };
  for (const auto shard : inputs.samples) {
    if (asks(cell, own)) inputs.features.push_back(graph.add(feature_stage(context, shard)));
    if (asks(cell, clip)) inputs.clip.push_back(graph.add(clip_stage(context, shard)));
  }
  if (needs_reference_stage(cell)) inputs.reference = graph.add(reference_stage(context));
}

/// The cell's config; valid until many other cells were looked at.
const config::Node& add_cell(const Jobs& jobs, size_t index,
                             const std::shared_ptr<Workbench>& bench, Plan& plan) {
  auto& graph = plan.graph();
  const auto read = [jobs, index, bench = bench.get()] {
    return read_cell(jobs->config(index), *bench);
  };
  const StageContext context{CellHandle(read, bench), bench};
  const auto& spec = *context.cell;
  if (!jobs->layout()) check_place(spec, plan.layout());
  const auto made = add_estimates(context, graph);
  MetricInputs inputs;
  inputs.samples = add_shards(context, made, graph);
  add_looks(context, inputs, graph);
  if (spec.policy->caches() || spec.quant.enabled()) {
    if (asks(spec, [](const CellMetric& metric) { return metric.needs.images; })) {
      const auto reference = [cell = context.cell, bench = bench.get()] {
        return full_precision_of(*cell, *bench);
      };
      inputs.full_precision = add_shards({CellHandle(reference, bench), bench}, {}, graph);
    }
  }
  inputs.correction = made.correction;

  Cell cell;
  cell.overrides = jobs->overrides(index);
  cell.name = jobs->name(index);
  // The published JSON holds nothing that the text does not.
  cell.config_hash = sha256(config::to_yaml(spec.config)).substr(0, 12);
  cell.config = [handle = context.cell] { return cell_config(*handle); };
  cell.finals = {{"metrics", graph.add(metric_stage(context, inputs))},
                 {"efficiency", graph.add(efficiency_stage(context, made))},
                 {"samples", inputs.samples.front()}};
  if (made.schedule) cell.finals.emplace_back("schedule", *made.schedule);
  if (made.recording) cell.finals.emplace_back("recording", *made.recording);
  cell.collect = [handle = context.cell](CellFolder& folder) { publish_results(*handle, folder); };
  plan.add(std::move(cell));
  return context.cell->config;
}

/// Keys of a group of which no cell chooses but `none` change nothing. What a file holds for the
/// sake of other options stays where `none` is chosen for once, and what a file that the experiment
/// builds on holds (its own is the one that has its `name`) always.
void check_is_read(const JobSource& jobs, const config::Node& config, const std::string& group) {
  const auto chosen = jobs.overrides(0);
  const bool for_once = std::any_of(chosen.begin(), chosen.end(), [&](const auto& text) {
    return text.starts_with(group + "=");
  });
  const auto own = config.at("name").mark();
  check_none_reads(config, group, [&](const config::Node& value) {
    const auto mark = value.mark();
    const bool elsewhere = mark.known() && (!own.known() || *mark.file != *own.file);
    return mark.line <= 0 || (!for_once && !elsewhere);
  });
}

}  // namespace

Plan plan_experiment(const Jobs& jobs, const std::shared_ptr<Workbench>& bench) {
  const auto first = jobs->config(0);
  Plan plan(jobs->layout().value_or(
      ResultsLayout{first.at("results_dir").as_string(), first.at("name").as_string()}));
  plan.reserve(jobs->size());
  std::set<std::string> unused(groups_with_none().begin(), groups_with_none().end());
  for (size_t i = 0; i < jobs->size(); ++i) {
    const auto& config = add_cell(jobs, i, bench, plan);
    std::erase_if(unused, [&](const auto& group) { return !chooses_none(config, group); });
  }
  // A launch's cells are a part of the experiment's.
  if (!jobs->layout()) {
    for (const auto& group : unused) check_is_read(*jobs, first, group);
  }
  return plan;
}

}  // namespace cq
