// What is wrong with an experiment is named with the user's line and the nearest name.
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/files.h"
#include "cq/experiments/pipeline/experiment.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TempFolder;

class Messages : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("CQ_CONFIGS", CQ_SOURCE_DIR "/configs", 1); }

  /// Plans the experiment: `text` follows seven lines that are right.
  void plan(const std::string& text, std::vector<std::string> overrides = {}) {
    write_atomically(folder_ / "e.yaml",
                     "defaults: [experiment, _self_]\nname: e\nsampler: {steps: 4}\n"
                     "weights: random\nsamples: 20\nbatch: 20\n\n" +
                         text);
    config::ComposeRequest request;
    request.primary = folder_ / "e.yaml";
    request.extra_dirs = {CQ_SOURCE_DIR "/configs"};
    request.overrides = std::move(overrides);
    const auto jobs =
        std::make_shared<const ComposedJobs>(std::make_shared<const config::JobList>(request));
    plan_experiment(jobs, std::make_shared<Workbench>()).cells();
  }

  std::string refusal(const std::string& text, std::vector<std::string> overrides = {}) {
    try {
      plan(text, std::move(overrides));
    } catch (const UsageError& error) {
      return error.what();
    }
    ADD_FAILURE() << text << " is taken";
    return {};
  }

  TempFolder folder_;
};

TEST_F(Messages, Metrics) {
  EXPECT_THAT(refusal("metrics: [is, fdi]\n"),
              AllOf(HasSubstr("e.yaml:8:15: metrics.1: "), HasSubstr("did you mean 'fid'")));
  EXPECT_THAT(refusal("", {"metrics=[fdi]"}), StartsWith("override 'metrics=[fdi]': metrics.0: "));
  EXPECT_THAT(refusal("metrics: [fid, is, fid]\n"),
              AllOf(HasSubstr("e.yaml:8:20: "), HasSubstr("'fid' is asked for twice")));
}

TEST_F(Messages, MissingFiles) {
  EXPECT_THAT(refusal("", {"weights=models/cifar-classifier.safetensor"}),
              AllOf(StartsWith("override 'weights="), HasSubstr("no such file"),
                    HasSubstr("did you mean 'models/cifar-classifier.safetensors'")));
  for (const char* key : {"features", "reference", "clip"}) {
    EXPECT_THAT(
        refusal(fmt::format("data: {{{}: nofile}}\n", key)),
        AllOf(HasSubstr("e.yaml:8:"), HasSubstr(fmt::format("data.{}: no such file", key))));
  }
}

TEST_F(Messages, Groups) {
  EXPECT_THAT(refusal("cache: {branch: 99}\n", {"cache=uniform"}),
              AllOf(HasSubstr("e.yaml:8:17: cache.branch: "), HasSubstr("branches 0..3")));
  EXPECT_THAT(refusal("cache: {interval: 3, min_group: 3, max_group: 3}\n", {"cache=dps"}),
              AllOf(HasSubstr("e.yaml:8:19: cache.interval: "), HasSubstr("no partition")));
  EXPECT_THAT(refusal("correct: {name: dec}\n"),
              AllOf(HasSubstr("e.yaml:8:17: correct.name: an error"), Not(HasSubstr(": :"))));
  EXPECT_THAT(refusal("record: {points: [cut.0, cut.9]}\n"),
              AllOf(HasSubstr("e.yaml:8:26: record.points.1: the network has no point 'cut.9'"),
                    HasSubstr("did you mean 'cut.0'")));
  for (const char* group : {"model", "cache", "quant", "correct"}) {
    EXPECT_THAT(refusal(fmt::format("{}: null\n", group)),
                HasSubstr(fmt::format("{}: expected a mapping, got null", group)));
  }
  EXPECT_THAT(refusal("model: null\n"), HasSubstr("e.yaml:8:8: "));
  EXPECT_THAT(refusal("", {"~model"}), HasSubstr("the group 'model' is needed"));
  EXPECT_THAT(refusal("", {"sampler.guidance=-1"}),
              StartsWith("override 'sampler.guidance=-1': sampler.guidance: guidance must be"));
}

TEST_F(Messages, Quantization) {
  EXPECT_THAT(refusal("quant: {name: w8a8x}\n"),
              AllOf(HasSubstr("e.yaml:8:15: quant.name: "), HasSubstr("did you mean 'w8a8'")));
  EXPECT_THAT(refusal("quant: {weight_bits: 8}\n"),
              AllOf(HasSubstr("e.yaml:8:22: quant.weight_bits: "), HasSubstr("changes nothing")));
  // Of an experiment that quantizes in other cells, or whose quantization is put off for once.
  plan("quant: {weight_bits: 8}\n", {"quant=none"});
  plan("quant: {weight_bits: 6}\nsweep: {quant: [none, w8a8]}\n");
}

TEST_F(Messages, Caching) {
  EXPECT_THAT(refusal("cache: {branch: 1}\n"),
              AllOf(HasSubstr("e.yaml:8:17: cache.branch: "), HasSubstr("changes nothing")));
  EXPECT_THAT(refusal("", {"cache.branch=1"}), StartsWith("override 'cache.branch=1': "));
  plan("cache: {interval: 1}\n");
  // Of an experiment that caches in other cells, or whose caching is put off for once.
  plan("cache: {branch: 1}\n", {"cache=none"});
  plan("cache: {branch: 1}\nsweep: {cache: [none, deepcache]}\n");
}

TEST_F(Messages, Heads) {
  EXPECT_THAT(refusal("model: {network: {num_heads: 5}}\n", {"model=dit-cifar10"}),
              AllOf(HasSubstr("e.yaml:8:30: model.network.num_heads: [dit] num_heads=5"),
                    HasSubstr("hidden_size=")));
  EXPECT_THAT(refusal("model: {network: {num_head_channels: 7}}\n"),
              AllOf(HasSubstr("e.yaml:8:38: "), HasSubstr("num_head_channels=7 does not divide")));
}

TEST_F(Messages, Run) {
  EXPECT_THAT(refusal("results_dir: ''\n"),
              AllOf(HasSubstr("e.yaml:8:14: results_dir: "), HasSubstr("expected a folder")));
  EXPECT_THAT(refusal("", {"name=a/b"}), StartsWith("override 'name=a/b': name: "));
  EXPECT_THAT(refusal("sweep: {seed: [1, a]}\n"),
              AllOf(HasSubstr("e.yaml:8:19: seed: "), HasSubstr("expected int")));
  EXPECT_THAT(refusal("sweep: {seed: [3, 3]}\n"), HasSubstr("(seed=3): drop"));
}

}  // namespace
}  // namespace cq
