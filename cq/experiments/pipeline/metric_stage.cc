// The stage that turns images and features into metrics.json.
#include <algorithm>
#include <functional>

#include "cq/base/error.h"
#include "cq/base/json.h"
#include "cq/core/io/safetensors.h"
#include "cq/experiments/pipeline/reference.h"
#include "cq/experiments/pipeline/stage_files.h"
#include "cq/metrics/register.h"

namespace cq {

namespace {

using Json = nlohmann::ordered_json;

/// What a cell's metrics look at.
struct MetricLooks {
  int64_t shards = 0;
  bool features = false, clip = false, paired = false, corrected = false;
};

/// All shards of a cell in order, as far as its metrics look at them.
struct Gathered {
  SampleBatch own;            ///< with features of `data.network`
  SampleBatch clip;           ///< with CLIP's
  at::Tensor full_precision;  ///< images of the same seeds; undefined for the cell that is it
  const SampleBatch& of(const CellMetric& metric) const { return metric.clip ? clip : own; }
};

/// Reads an input of every shard and joins what it gives.
at::Tensor joined(int64_t shards, const std::function<at::Tensor(int64_t shard)>& read) {
  std::vector<at::Tensor> parts;
  for (int64_t i = 0; i < shards; ++i) parts.push_back(read(i));
  return at::cat(parts, 0);
}

/// Every kind of features in the shards' files.
void gather_features(const StageFolder& folder, const char* input, int64_t shards,
                     SampleBatch& all) {
  const auto open = [&](int64_t i) {
    return SafeTensors::open(folder.input(fmt::format("{}.{}", input, i)) / "features.safetensors");
  };
  const auto first = open(0);
  for (const auto& [name, place] : {std::pair{"features", &SampleBatch::features},
                                    {"logits", &SampleBatch::logits},
                                    {"spatial", &SampleBatch::spatial},
                                    {"text", &SampleBatch::text}}) {
    if (!first.contains(name)) continue;
    all.*place = joined(shards, [&, name = name](int64_t i) { return open(i).tensor(name); });
  }
}

Gathered gather(const StageFolder& folder, const MetricLooks& looks) {
  const auto images = [&](const char* input) {
    return joined(looks.shards, [&](int64_t i) {
      return load_samples(folder.input(fmt::format("{}.{}", input, i))).images;
    });
  };
  Gathered all;
  all.own.labels = joined(looks.shards, [&](int64_t i) {
    return load_samples(folder.input(fmt::format("samples.{}", i))).labels;
  });
  all.clip.labels = all.own.labels;
  if (looks.features) gather_features(folder, "features", looks.shards, all.own);
  if (looks.clip) gather_features(folder, "clip", looks.shards, all.clip);
  if (looks.paired) {
    all.own.images = images("samples");
    all.full_precision = images("full_precision");
  }
  return all;
}

SampleBatch rows_of(const SampleBatch& all, const at::Tensor& rows) {
  SampleBatch part;
  for (const auto place : {&SampleBatch::features, &SampleBatch::logits, &SampleBatch::spatial,
                           &SampleBatch::text, &SampleBatch::labels}) {
    if ((all.*place).defined()) part.*place = (all.*place).index_select(0, rows);
  }
  return part;
}

/// Computes metrics of one set of generated images after the other against one reference.
class Judge {
 public:
  Judge(const StageContext& context, const StageFolder& folder) : data_(context.cell->data) {
    const bool reference =
        std::any_of(context.cell->metrics.begin(), context.cell->metrics.end(), [](const auto& m) {
          return m.missing.empty() && m.needs.reference && !m.needs.images && !m.clip;
        });
    if (reference) reference_ = read_reference(context, folder);
    if (data_.features) source_.features = protocol(context, data_.network, *data_.features);
    if (data_.clip) clip_.features = protocol(context, "clip", *data_.clip);
    source_.reference = reference_.name;
  }

  MetricResult result(const CellMetric& asked, const SampleBatch& generated,
                      const at::Tensor& full_precision) const {
    const auto metric =
        registry_.make(asked.name, config::Node::dict(), asked.clip ? clip_ : source_);
    MetricBatch batch;
    batch.generated = generated;
    if (asked.needs.images) {
      batch.reference.images = full_precision;
      metric->add(batch);
      return metric->result();
    }
    metric->add(batch);
    if (asked.needs.reference) metric->add(real(asked.needs));
    return metric->result();
  }

 private:
  nlohmann::ordered_json protocol(const StageContext& context, const std::string& network,
                                  const std::string& weights) const {
    // The embedded network's name and resize are known without its weights in memory.
    if (network == "cifar") {
      return {{"network", "cifar"},
              {"weights_sha256", context.bench->hash(weights)},
              {"resize", "none"}};
    }
    const auto resize = network == "clip" ? std::nullopt : data_.resize;
    return context.bench->features(network, weights, resize)->protocol();
  }

  MetricBatch real(const MetricNeeds& needs) const {
    MetricBatch batch;
    if (needs.statistics) {
      batch.reference.statistics = reference_.statistics;
      batch.reference.spatial_statistics = reference_.spatial_statistics;
    } else {
      batch.reference.features = reference_.features;
    }
    return batch;
  }

  const ReferenceParameters data_;
  MetricRegistry registry_ = metric_registry();
  MetricSource source_, clip_;
  Reference reference_;
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

Json noise_floor(const Judge& judge, const CellSpec& cell, const Gathered& all) {
  Json floor = Json::object();
  const auto rows = halves(all.own.labels.size(0), cell.model->shapes->classes());
  if (rows.empty()) return floor;
  for (const auto& metric : cell.metrics) {
    if (!metric.missing.empty() || metric.needs.images) continue;
    if (rows[0].size(0) < metric.needs.generated_rows) continue;
    std::vector<double> values;
    for (const auto& half : rows) {
      values.push_back(judge.result(metric, rows_of(all.of(metric), half), {}).value);
    }
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    floor[metric.label] = {{"min", *low}, {"max", *high}, {"halves", rows.size()}};
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
Json judged(const StageContext& context, const MetricLooks& looks, StageFolder& folder) {
  const auto& cell = *context.cell;
  const auto all = gather(folder, looks);
  const Judge judge(context, folder);
  Json metrics = Json::object(), missing = Json::object();
  folder.expect(int64_t(cell.metrics.size()), "metrics");
  for (const auto& metric : cell.metrics) {
    if (!metric.missing.empty()) {
      metrics[metric.label] = nullptr;
      missing[metric.label] = metric.missing;
    } else if (!metric.needs.images || looks.paired) {
      metrics[metric.label] = to_json(judge.result(metric, all.of(metric), all.full_precision));
    }
    folder.bar().add(1);
  }
  Json json{{"schema", 1}, {"metrics", metrics}};
  if (!missing.empty()) json["missing"] = missing;
  if (cell.full_precision()) json["noise_floor"] = noise_floor(judge, cell, all);
  return json;
}

void compute_metrics(const StageContext& context, const MetricLooks& looks, StageFolder& folder) {
  const auto& cell = *context.cell;
  Json json = cell.metrics.empty() ? Json{{"schema", 1}, {"metrics", Json::object()}}
                                   : judged(context, looks, folder);
  if (looks.corrected) {
    auto errors = errors_per_step(folder.input("correction"), cell.sampler->calls());
    if (!errors.is_null()) json["error_per_step"] = std::move(errors);
  }
  write_json(folder.path() / "metrics.json", json);
}

nlohmann::ordered_json hash_or_null(Workbench& bench, const std::optional<std::string>& file) {
  return file ? nlohmann::ordered_json(bench.hash(*file)) : nlohmann::ordered_json();
}

void add_inputs(Stage& stage, const char* name, const std::vector<StageId>& shards) {
  for (size_t i = 0; i < shards.size(); ++i) {
    stage.inputs.emplace_back(fmt::format("{}.{}", name, i), shards[i]);
  }
}

}  // namespace

Stage metric_stage(const StageContext& context, const MetricInputs& inputs) {
  const auto& cell = *context.cell;
  Stage stage{.kind = "metrics",
              .params = {{"metrics", cell.run.metrics},
                         {"network", hash_or_null(*context.bench, cell.data.features)},
                         {"reference", hash_or_null(*context.bench, cell.data.reference)}},
              .inputs = {},
              .compute = {},
              .cost = weighing(double(cell.run.samples))};
  if (cell.data.network != "cifar") stage.params["network_name"] = cell.data.network;
  if (cell.data.clip) stage.params["clip"] = context.bench->hash(*cell.data.clip);
  const MetricLooks looks{.shards = int64_t(inputs.samples.size()),
                          .features = !inputs.features.empty(),
                          .clip = !inputs.clip.empty(),
                          .paired = !inputs.full_precision.empty(),
                          .corrected = inputs.correction.has_value()};
  add_inputs(stage, "samples", inputs.samples);
  add_inputs(stage, "features", inputs.features);
  add_inputs(stage, "clip", inputs.clip);
  add_inputs(stage, "full_precision", inputs.full_precision);
  if (inputs.reference) stage.inputs.emplace_back("reference", *inputs.reference);
  if (inputs.correction) stage.inputs.emplace_back("correction", *inputs.correction);
  stage.compute = [context, looks](StageFolder& folder) {
    compute_metrics(context, looks, folder);
  };
  return stage;
}

}  // namespace cq
