#include "cq/experiments/pipeline/spec.h"

#include <algorithm>

#include "cq/base/error.h"
#include "cq/config/naming.h"
#include "cq/config/nearest.h"
#include "cq/experiments/setup/load_model.h"
#include "cq/experiments/setup/program_files.h"
#include "cq/methods/register.h"

namespace cq {

namespace {

const std::vector<std::string>& group_keys() {
  static const std::vector<std::string> keys{"model",   "sampler",  "cache",       "quant",
                                             "correct", "data",     "calibration", "record",
                                             "measure", "variables"};
  return keys;
}

RunParameters read_run(const config::Node& job) {
  config::Node rest = job;
  for (const auto& key : group_keys()) rest.erase(config::Key(key));
  auto run = run_parameters().parse(rest);
  if (run.name.empty() || run.name.find('/') != std::string::npos || run.name[0] == '.') {
    const auto* name = job.get(std::string_view("name"));
    throw UsageError("{}'{}' cannot name a folder below results_dir",
                     name == nullptr ? "name: " : name->where(), run.name);
  }
  if (run.results_dir.empty()) {
    throw UsageError("{}expected a folder, got ''; '.' is the working folder",
                     job.at("results_dir").where());
  }
  return run;
}

template <class P>
P read_group(const config::Node& job, const char* key, const config::Params<P>& params) {
  const auto* node = job.get(std::string_view(key));
  return node == nullptr ? P{} : params.parse(*node);
}

/// The place of a key of a group, or where it is left to its default of the group.
std::string place_of(const CellSpec& cell, const char* group, const char* key) {
  const auto& node = cell.config.at(group);
  const auto* value = node.get(std::string_view(key));
  return value == nullptr ? node.where() : value->where();
}

/// Files that stages read much later, or that only other cells read.
void check_files(const config::Node& job) {
  for (const char* key : {"weights", "prompts", "data.features", "data.reference", "data.clip"}) {
    const auto* file = job.find(key);
    if (file == nullptr || !file->is_string() || file->as_string() == "random") continue;
    config::naming(*file, [&] { return find_data_file(file->as_string()); });
  }
}

void check_recording(const CellSpec& cell) {
  if (cell.record.points.empty()) return;
  const auto points = cell.model->shapes->network().points();
  for (const auto& node : cell.config.at("record").at("points").elements()) {
    const auto& point = node.as_string();
    if (std::find(points.begin(), points.end(), point) != points.end()) continue;
    throw UsageError("{}the network has no point '{}'{} (known: {})", node.where(), point,
                     config::did_you_mean(point, points), fmt::join(points, ", "));
  }
  if (cell.record.samples > cell.calibration.samples) {
    throw UsageError(
        "{}{} samples to record, but calibration.samples={}; raise the latter or lower the "
        "former",
        place_of(cell, "record", "samples"), cell.record.samples, cell.calibration.samples);
  }
}

std::vector<CellMetric> read_metrics(const config::Node& job, const CellSpec& cell) {
  const auto* asked = job.get(std::string_view("metrics"));
  const auto* data = job.get(std::string_view("data"));
  return config::naming(data == nullptr ? config::Node::dict() : *data, [&] {
    return read_cell_metrics(asked == nullptr ? config::Node::list() : *asked, cell.data,
                             cell.run.has_texts(), cell.run.samples);
  });
}

void check_combination(const CellSpec& cell) {
  if (cell.quant.enabled() && cell.quant.recompute_samples > cell.calibration.samples) {
    throw UsageError(
        "{}{} samples for ranges, but calibration.samples={}; raise the latter or lower the "
        "former",
        place_of(cell, "quant", "recompute_samples"), cell.quant.recompute_samples,
        cell.calibration.samples);
  }
  check_recording(cell);
  if (cell.guidance != 1 && !cell.model->shapes->conditioning().conditional()) {
    throw UsageError("{}{} is unconditional, so there is nothing to guide to: sampler.guidance=1",
                     place_of(cell, "sampler", "guidance"), cell.model->shapes->name());
  }
  if (cell.sampler->needs_variance() && !cell.model->shapes->network().predicts_variance()) {
    throw UsageError("{}the sampler takes a variance, which {} does not predict: sampler=ddpm",
                     place_of(cell, "sampler", "name"), cell.model->shapes->name());
  }
  if (cell.corrector->corrects() && !cell.policy->caches()) {
    throw UsageError("{}an error correction needs a cached feature: set cache=, or correct=none",
                     place_of(cell, "correct", "name"));
  }
  config::naming(cell.config.at("correct"), [&] { cell.corrector->check(cell.quant.enabled()); });
  config::naming(cell.config.at("cache"), [&] { cell.policy->check(cell.sampler->calls()); });
}

}  // namespace

const config::Params<RunParameters>& run_parameters() {
  using P = RunParameters;
  static const auto params =
      config::Params<P>()
          .field("name", &P::name, "folder of the experiment below results_dir")
          .field("results_dir", &P::results_dir, "where experiments and shared stages are kept")
          .field("weights", &P::weights, "safetensors file of the model, or random")
          .field("seed", &P::seed, "image i is drawn from seed + i", {0})
          .field("samples", &P::samples, "images of a cell", {1, 1e7}, "images")
          .field("batch", &P::batch, "images computed at once", {1, 65536}, "images")
          .field("shard", &P::shard, "images of one sampling stage", {1, 1e7}, "images")
          .field("metrics", &P::metrics, "metrics of a cell, see `cq-exp list metrics`")
          .field("prompt", &P::prompt, "a text, for models that take texts")
          .field("prompts", &P::prompts,
                 "or a file of texts: COCO captions (.json), PartiPrompts (.tsv), a text a line")
          .field("negative_prompt", &P::negative_prompt,
                 "text of the half without condition; null: empty");
  return params;
}

const config::Params<CalibrationParameters>& calibration_parameters() {
  using P = CalibrationParameters;
  static const auto params =
      config::Params<P>()
          .field("samples", &P::samples,
                 "full-precision runs for distances, ranges and corrections", {1, 100000}, "images")
          .field("seed", &P::seed, "of the first of them", {0});
  return params;
}

const config::Params<RecordParameters>& record_parameters() {
  using P = RecordParameters;
  static const auto params =
      config::Params<P>()
          .field("points", &P::points, "points of the network whose features are recorded")
          .field("samples", &P::samples, "calibration runs that are recorded", {1, 100000},
                 "images")
          .field("dtype", &P::dtype, "type of recorded values")
          .choices({"float16", "float32"});
  return params;
}

const config::Params<MeasureParameters>& measure_parameters() {
  using P = MeasureParameters;
  static const auto params =
      config::Params<P>()
          .field("batch", &P::batch, "images of a timed network call", {1, 4096}, "images")
          .field("rounds", &P::rounds, "interleaved repetitions", {1, 1000});
  return params;
}

nlohmann::ordered_json CellSpec::key_of(const std::string& group) const {
  auto json = config.at(group).to_json();
  json.erase("doc");
  json.erase("sampling");
  json.erase("weights");
  return json;
}

struct CellHandle::State {
  std::shared_ptr<const CellSpec> kept;
  std::weak_ptr<const CellSpec> last;
  Read read;
  std::shared_ptr<Workbench> bench;
};

CellHandle::CellHandle(std::shared_ptr<const CellSpec> spec)
    : state_(std::make_shared<State>(State{std::move(spec), {}, {}, {}})) {}

CellHandle::CellHandle(Read read, std::shared_ptr<Workbench> bench)
    : state_(std::make_shared<State>(State{{}, {}, std::move(read), std::move(bench)})) {}

const CellSpec& CellHandle::operator*() const {
  if (state_->kept) return *state_->kept;
  auto spec = state_->last.lock();
  if (!spec) {
    spec = state_->read();
    state_->last = spec;
    state_->bench->keep(spec);
  }
  return *spec;
}

std::shared_ptr<const CellSpec> read_cell(const config::Node& job, Workbench& bench) {
  // Not make_shared: the handles of a plan would keep the memory of every spec that they once saw.
  std::shared_ptr<CellSpec> cell(new CellSpec);
  cell->config = job;
  cell->run = read_run(job);
  cell->calibration = read_group(job, "calibration", calibration_parameters());
  cell->record = read_group(job, "record", record_parameters());
  cell->measure = read_group(job, "measure", measure_parameters());
  cell->data = read_group(job, "data", reference_parameters());
  check_files(job);
  cell->metrics = read_metrics(job, *cell);
  cell->quant = quant_parameters().parse(job.at("quant"));
  cell->model = bench.choose(job);
  auto choice = make_sampler(job.at("sampler"), cell->model->shapes->diffusion());
  cell->sampler = std::move(choice.sampler);
  cell->guidance = choice.guidance;
  const auto& cache = job.at("cache");
  cell->policy = config::naming(
      cache, [&] { return cache_registry().make(cache.at("name").as_string(), cache); });
  const auto& correct = job.at("correct");
  cell->corrector = corrector_registry().make(correct.at("name").as_string(), correct);
  check_combination(*cell);
  if (cell->policy->caches()) {
    cell->point = config::naming(cache, [&] {
      return point_of(*cell->policy, cell->model->shapes->network(), cell->sampler->calls());
    });
    if (cell->point.late && (cell->quant.enabled() || cell->corrector->corrects())) {
      throw UsageError(
          "{}quantization and correction need one range of blocks for all steps; this policy "
          "changes it on the way: set quant=none and correct=none, or cache.variant=paper",
          place_of(*cell, "cache", "name"));
    }
  }
  return cell;
}

}  // namespace cq
