// The stage that turns images and features into metrics.json.
#include <algorithm>

#include "cq/base/error.h"
#include "cq/base/json.h"
#include "cq/core/io/safetensors.h"
#include "cq/experiments/commands/common.h"
#include "cq/experiments/pipeline/stage_files.h"
#include "cq/experiments/pipeline/stages.h"
#include "cq/metrics/cifar_features.h"
#include "cq/metrics/register.h"

namespace cq {

namespace {

using Json = nlohmann::ordered_json;

/// All shards of a cell in order.
struct Gathered {
  SampleBatch generated;
  at::Tensor full_precision;  ///< images of the same seeds; undefined for the cell that is it
};

Gathered gather(const StageFolder& folder, int64_t shards, bool paired) {
  Gathered all;
  std::vector<at::Tensor> images, labels, features, logits, full;
  for (int64_t i = 0; i < shards; ++i) {
    const auto shard = load_samples(folder.input(fmt::format("samples.{}", i)));
    images.push_back(shard.images);
    labels.push_back(shard.labels);
    const auto file =
        SafeTensors::open(folder.input(fmt::format("features.{}", i)) / "features.safetensors");
    features.push_back(file.tensor("features"));
    logits.push_back(file.tensor("logits"));
    if (paired) {
      full.push_back(load_samples(folder.input(fmt::format("full_precision.{}", i))).images);
    }
  }
  all.generated.images = at::cat(images, 0);
  all.generated.labels = at::cat(labels, 0);
  all.generated.features = at::cat(features, 0);
  all.generated.logits = at::cat(logits, 0);
  if (paired) all.full_precision = at::cat(full, 0);
  return all;
}

SampleBatch rows_of(const SampleBatch& all, const at::Tensor& rows) {
  SampleBatch part;
  part.features = all.features.index_select(0, rows);
  part.logits = all.logits.index_select(0, rows);
  part.labels = all.labels.index_select(0, rows);
  return part;
}

/// Computes metrics of one set of generated images after the other against one reference.
class Judge {
 public:
  Judge(MetricSource source, FeatureReference reference)
      : source_(std::move(source)), reference_(std::move(reference)) {}

  MetricResult result(const std::string& name, const SampleBatch& generated,
                      const at::Tensor& full_precision) const {
    const auto metric = registry_.make(name, config::Node::dict(), source_);
    const auto needs = metric->needs();
    MetricBatch batch;
    batch.generated = generated;
    if (needs.images) {
      batch.reference.images = full_precision;
      metric->add(batch);
      return metric->result();
    }
    metric->add(batch);
    MetricBatch real;
    if (needs.statistics) {
      real.reference.statistics = reference_.statistics;
    } else if (needs.reference) {
      real.reference.features = reference_.features;
    }
    metric->add(real);
    return metric->result();
  }

  bool paired(const std::string& name) const {
    return registry_.make(name, config::Node::dict(), source_)->needs().images;
  }

 private:
  MetricRegistry registry_ = metric_registry();
  MetricSource source_;
  FeatureReference reference_;
};

Json to_json(const MetricResult& result) {
  Json json{{"value", result.value}};
  if (result.std) json["std"] = *result.std;
  json["protocol"] = result.protocol;
  return json;
}

/// Rows of four halves in which every class is as frequent as in the whole: even and odd rounds of
/// labels, first and last rounds.
std::vector<at::Tensor> halves(int64_t samples, int64_t classes) {
  const int64_t rounds = samples / classes;
  if (rounds < 4) return {};
  const auto round = at::arange(rounds * classes, at::kLong).div(classes, "floor");
  const auto even = round.remainder(2).eq(0), early = round.lt(rounds / 2);
  std::vector<at::Tensor> rows;
  for (const auto& half : {even, even.logical_not(), early, early.logical_not()}) {
    rows.push_back(half.nonzero().flatten());
  }
  return rows;
}

Json noise_floor(const Judge& judge, const std::vector<std::string>& names,
                 const SampleBatch& generated) {
  Json floor = Json::object();
  const auto rows = halves(generated.labels.size(0), generated.logits.size(1));
  if (rows.empty()) return floor;
  for (const auto& name : names) {
    if (judge.paired(name)) continue;
    std::vector<double> values;
    for (const auto& half : rows) {
      values.push_back(judge.result(name, rows_of(generated, half), {}).value);
    }
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    floor[metric_label(name, "cifar")] = {{"min", *low}, {"max", *high}, {"halves", rows.size()}};
  }
  return floor;
}

Json errors_per_step(const std::filesystem::path& correction, int64_t steps) {
  auto errors = read_json(correction / "errors.json");
  if (errors.empty()) return nullptr;
  Json all{{"steps", Json::array()}};
  for (int64_t t = 0; t < steps; ++t) all["steps"].push_back(t);
  all.update(errors);
  return all;
}

/// The metrics of all images, and their noise floor where the cell is full precision itself.
Json judged(const StageContext& context, int64_t shards, bool paired, StageFolder& folder) {
  const auto& cell = *context.cell;
  const auto all = gather(folder, shards, paired);
  const auto& hash = context.bench->hash(cell.data.features);
  auto reference = read_reference(find_data_file(cell.data.reference), hash);
  MetricSource source;
  source.features = {{"network", "cifar"}, {"weights_sha256", hash}, {"resize", "none"}};
  source.reference = reference.name;
  const Judge judge(std::move(source), std::move(reference));
  std::vector<std::string> names;
  for (const auto& label : cell.run.metrics) names.push_back(metric_of_label(label, "cifar"));
  Json metrics = Json::object();
  folder.expect(int64_t(names.size()), "metrics");
  for (const auto& name : names) {
    if (!judge.paired(name) || paired) {
      metrics[metric_label(name, "cifar")] =
          to_json(judge.result(name, all.generated, all.full_precision));
    }
    folder.bar().add(1);
  }
  Json json{{"schema", 1}, {"metrics", metrics}};
  if (!paired) json["noise_floor"] = noise_floor(judge, names, all.generated);
  return json;
}

void compute_metrics(const StageContext& context, int64_t shards, bool paired, bool corrected,
                     StageFolder& folder) {
  const auto& cell = *context.cell;
  Json json = cell.run.metrics.empty() ? Json{{"schema", 1}, {"metrics", Json::object()}}
                                       : judged(context, shards, paired, folder);
  if (corrected) {
    auto errors = errors_per_step(folder.input("correction"), cell.sampler->calls());
    if (!errors.is_null()) json["error_per_step"] = std::move(errors);
  }
  write_json(folder.path() / "metrics.json", json);
}

}  // namespace

Stage metric_stage(const StageContext& context, const MetricInputs& inputs) {
  const auto& cell = *context.cell;
  Stage stage{.kind = "metrics",
              .params = {{"metrics", cell.run.metrics},
                         {"network", context.bench->hash(cell.data.features)},
                         {"reference", context.bench->hash(cell.data.reference)}},
              .inputs = {},
              .compute = {},
              .cost = weighing(double(cell.run.samples))};
  const bool paired = !inputs.full_precision.empty();
  for (size_t i = 0; i < inputs.samples.size(); ++i) {
    stage.inputs.emplace_back(fmt::format("samples.{}", i), inputs.samples[i]);
    if (inputs.features.empty()) continue;
    stage.inputs.emplace_back(fmt::format("features.{}", i), inputs.features[i]);
    if (paired) {
      stage.inputs.emplace_back(fmt::format("full_precision.{}", i), inputs.full_precision[i]);
    }
  }
  if (inputs.correction) stage.inputs.emplace_back("correction", *inputs.correction);
  stage.compute = [context, shards = int64_t(inputs.samples.size()), paired,
                   corrected = inputs.correction.has_value()](StageFolder& folder) {
    compute_metrics(context, shards, paired, corrected, folder);
  };
  return stage;
}

}  // namespace cq
