// Changing a key redoes the stages that depend on it and no other, for every key of an experiment.
#include <cstdlib>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/files.h"
#include "cq/config/resolve.h"
#include "cq/experiments/pipeline/experiment.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

using Kinds = std::set<std::string>;
using testing::TempFolder;

const Kinds all{"trajectory", "distances", "schedule", "calibration", "correction",
                "recording",  "samples",   "features", "metrics",     "efficiency"};
const Kinds images{"samples", "features", "metrics"};
/// What follows the schedule; the images are paired with those of full precision, which do not.
const Kinds from_schedule{"schedule", "calibration", "correction", "samples",
                          "features", "metrics",     "efficiency"};
const Kinds from_distances = [] {
  auto kinds = from_schedule;
  kinds.insert("distances");
  return kinds;
}();
const Kinds from_calibration{"calibration", "correction", "samples",
                             "features",    "metrics",    "efficiency"};
/// The ranges of activations are those of full precision and stay.
const Kinds from_weight_ranges{"weight_ranges", "correction", "samples",
                               "features",      "metrics",    "efficiency"};
const Kinds from_weights = [] {
  auto kinds = all;
  kinds.insert("weight_ranges");
  return kinds;
}();
const Kinds from_correction{"correction", "samples", "features", "metrics", "efficiency"};

struct Change {
  std::string value;
  Kinds redone;
};

/// Another valid value of each key, and the kinds of stages that depend on it by their definition.
const std::map<std::string, Change> changes{
    {"name", {"other", {}}},
    {"retry", {"3", {}}},
    {"launcher.workers", {"2", {}}},
    {"seed", {"1", images}},
    {"samples", {"24", images}},
    {"shard", {"10", images}},
    {"batch", {"10", all}},
    {"metrics", {"[fid]", {"metrics"}}},
    {"calibration.samples", {"12", all}},
    {"calibration.seed", {"5", all}},
    {"record.points", {"[cut.1]", {"recording"}}},
    {"record.samples", {"3", {"recording"}}},
    {"record.dtype", {"float32", {"recording"}}},
    {"measure.batch", {"8", {"efficiency"}}},
    {"measure.rounds", {"3", {"efficiency"}}},
    {"data.network", {"inception", {"reference", "metrics"}}},
    {"data.features", {"$COPY", {"features", "metrics"}}},
    {"data.reference", {"$COPY", {"metrics"}}},
    {"weights", {"$COPY", from_weights}},
    {"sampler.steps", {"20", all}},
    {"sampler.eta", {"0.5", all}},
    {"sampler.guidance", {"1.5", all}},
    {"cache.interval", {"4", from_schedule}},
    {"cache.min_group", {"2", from_schedule}},
    {"cache.max_group", {"9", from_schedule}},
    {"cache.bounded", {"false", from_schedule}},
    {"cache.metric", {"l2", from_distances}},
    {"cache.branch", {"1", from_distances}},
    {"quant.weight_bits", {"6", from_weight_ranges}},
    {"quant.act_bits", {"6", from_calibration}},
    {"quant.softmax_bits", {"6", from_calibration}},
    {"quant.weight_symmetric", {"true", from_weight_ranges}},
    {"quant.recompute_samples", {"6", from_calibration}},
    {"quant.cached_samples", {"3", from_calibration}},
    {"correct.steps", {"cached", from_correction}},
    {"correct.reference_slope", {"true", from_correction}},
    {"correct.cache_error", {"false", from_correction}},
    {"correct.quantization_error", {"false", from_correction}},
};

class Keys : public ::testing::Test {
 protected:
  void SetUp() override {
    // The program that looks for its configs is the test.
    ::setenv("CQ_CONFIGS", CQ_SOURCE_DIR "/configs", 1);
    write_atomically(folder_ / "one.yaml",
                     "defaults: [experiment, _self_]\n"
                     "name: one\nsamples: 20\nbatch: 20\nresults_dir: " +
                         (folder_ / "results").string() +
                         "\nsampler: {steps: 10, guidance: 2.0}\n"
                         "calibration: {samples: 8}\n"
                         "record: {points: [cut.0], samples: 4}\n"
                         "quant: {recompute_samples: 8, cached_samples: 4}\n"
                         "measure: {batch: 4, rounds: 2}\ncache: {interval: 5}\n");
  }

  std::shared_ptr<const config::JobList> compose(const std::string& change) {
    config::ComposeRequest request;
    request.primary = folder_ / "one.yaml";
    request.extra_dirs = {CQ_SOURCE_DIR "/configs"};
    request.overrides = {"cache=dps", "quant=w8a8", "correct=dec"};
    if (!change.empty()) request.overrides.push_back(change);
    return std::make_shared<config::JobList>(request);
  }

  /// Kind and key of every stage.
  std::set<std::pair<std::string, std::string>> stages(const std::string& change) {
    const auto jobs = std::make_shared<const ComposedJobs>(compose(change));
    const auto plan = plan_experiment(jobs, std::make_shared<Workbench>());
    std::set<std::pair<std::string, std::string>> list;
    for (const auto& stage : plan.graph().nodes()) list.emplace(stage.name.kind, stage.name.key);
    return list;
  }

  Kinds redone(const std::string& change) {
    if (base_.empty()) base_ = stages("");
    Kinds kinds;
    for (const auto& stage : stages(change)) {
      if (!base_.contains(stage)) kinds.insert(stage.first);
    }
    return kinds;
  }

  /// The same file with one byte more: another hash.
  std::string copy_of(const std::string& key, const std::string& file) {
    auto text = read_text(std::filesystem::path(CQ_SOURCE_DIR) / file);
    const auto copy = folder_ / (key + ".safetensors");
    write_atomically(copy, text + " ");
    return copy.string();
  }

  TempFolder folder_;
  std::set<std::pair<std::string, std::string>> base_;
};

void collect_leaves(const config::Node& node, const std::string& prefix,
                    std::vector<std::pair<std::string, config::Node>>& out) {
  for (const auto& [key, value] : node.items()) {
    const std::string path = prefix.empty() ? key.text() : prefix + "." + key.text();
    if (value.is_dict()) {
      collect_leaves(value, path, out);
    } else {
      out.emplace_back(path, value);
    }
  }
}

TEST_F(Keys, ChangingOneRedoesExactlyWhatDependsOnIt) {
  const auto config = config::resolve(compose("")->job(0).config);
  std::vector<std::pair<std::string, config::Node>> leaves;
  collect_leaves(config, "", leaves);
  size_t checked = 0;
  for (const auto& [key, value] : leaves) {
    const auto change = changes.find(key);
    if (change == changes.end()) continue;
    std::string to = change->second.value;
    if (to == "$COPY") to = copy_of(key, value.as_string());
    EXPECT_EQ(redone(key + "=" + to), change->second.redone) << key;
    ++checked;
  }
  EXPECT_EQ(checked, changes.size()) << "a key of the table is no key of an experiment any more";
}

/// Keys that the table does not name: another value must be refused or change some stage, so that
/// no two cells that differ in it could share results.
TEST_F(Keys, NoKeyIsWithoutEffect) {
  const auto config = config::resolve(compose("")->job(0).config);
  std::vector<std::pair<std::string, config::Node>> leaves;
  collect_leaves(config, "", leaves);
  for (const auto& [key, value] : leaves) {
    const bool a_name = key.ends_with(".name") || key == "results_dir" || key.ends_with(".doc");
    const bool not_one_value = value.is_list() || value.is_null();
    // Defaults of other keys: changing them changes those.
    const bool a_default = key.starts_with("model.sampling.") || key == "model.weights";
    if (changes.contains(key) || a_name || not_one_value || a_default) continue;
    if (key.starts_with("launcher.")) continue;
    std::string to = "2";
    if (value.is_bool()) to = value.as_bool() ? "false" : "true";
    if (value.is_int()) to = std::to_string(value.as_int() * 2 + 1);
    Kinds kinds{"refused"};
    try {
      kinds = redone(key + "=" + to);
    } catch (const std::exception&) {
      continue;
    }
    EXPECT_FALSE(kinds.empty()) << key << "=" << to << " changes nothing";
  }
}

TEST_F(Keys, ARenamedExperimentHasTheSameStages) {
  EXPECT_EQ(stages("name=another"), stages(""));
  EXPECT_EQ(stages("results_dir=elsewhere"), stages(""));
}

}  // namespace
}  // namespace cq
