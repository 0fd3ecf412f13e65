// Experiments judged by Inception's and CLIP's features: what metrics.json says is what an
// evaluation of the same images says. Networks with random weights stand in for the published ones.
#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/files.h"
#include "cq/base/json.h"
#include "cq/core/executor.h"
#include "cq/core/io/image.h"
#include "cq/core/io/npz.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/models/clip.h"
#include "cq/core/models/inception.h"
#include "cq/experiments/harness/runner.h"
#include "cq/experiments/pipeline/experiment.h"
#include "cq/experiments/pipeline/stage_files.h"
#include "cq/metrics/clip_features.h"
#include "cq/metrics/evaluation.h"
#include "cq/metrics/inception_features.h"
#include "tests/base/temp_folder.h"
#include "tests/core/golden_weights.h"

namespace cq {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TempFolder;

constexpr int64_t kSamples = 10, kSide = 64;
constexpr const char* kResize = "adm";

/// Of the tokenizer's vocabulary, narrow otherwise.
ClipParameters narrow_clip() {
  ClipParameters config;
  config.width = 64;
  config.layers = 1;
  config.heads = 1;
  config.image_size = 28;
  config.patch = 14;
  config.vision_width = 64;
  config.vision_layers = 1;
  config.vision_heads = 1;
  config.projection = 24;
  return config;
}

void save(const FeatureEncoder& encoder, const fs::path& file) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& [name, value] : encoder.weights().named()) tensors.emplace_back(name, value);
  write_safetensors(file, tensors);
}

class JudgedByNetworks : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<TempFolder>();
    save(InceptionEncoder({}, Weights(InitMode::random, 1)), inception());
    save(ClipEncoder(narrow_clip(), Weights(InitMode::random, 2)), clip());
  }
  static void TearDownTestSuite() { shared_.reset(); }
  static fs::path inception() { return *shared_ / "inception.safetensors"; }
  static fs::path clip() { return *shared_ / "clip.safetensors"; }

  void SetUp() override {
    // The program that looks for its configs is the test.
    ::setenv("CQ_CONFIGS", CQ_SOURCE_DIR "/configs", 1);
    write_atomically(folder_ / "texts.txt", "a cat\na dog, sitting\ntwo birds\n");
    write_atomically(
        folder_ / "one.yaml",
        "defaults: [experiment, override model: sd14, _self_]\n"
        "name: one\nweights: random\nsamples: 10\nshard: 6\nbatch: 6\nretry: 0\n"
        "results_dir: " +
            (folder_ / "results").string() + "\nprompts: " + (folder_ / "texts.txt").string() +
            "\nsampler: {steps: 2}\nmeasure: {batch: 1, rounds: 1}\n"
            "model:\n"
            "  network: {model_channels: 32, channel_mult: [1, 2], attention_resolutions: [2],\n"
            "            num_heads: 2, context_dim: 16}\n"
            "  conditioning: {width: 16, layers: 1, heads: 1}\n"
            "  latent: {size: 8}\n"
            "  first_stage: {channels: 32, channel_mult: [1, 1, 1, 1]}\n"
            "metrics: [fid, sfid, is, precision, clip_score]\n"
            "data: {network: inception, features: null, reference: null}\n");
    // The centres, and images wider than them by the same on both sides.
    const auto wide = test::uniform("real", {4, kSide, kSide + 16, 3}).add(1).mul(127.5).floor();
    for (const char* name : {"centres", "wide"}) fs::create_directories(folder_ / name);
    for (int64_t i = 0; i < wide.size(0); ++i) {
      const auto image = wide[i].to(at::kByte);
      const auto file = std::to_string(i) + ".png";
      write_png(folder_ / "wide" / file, image);
      write_png(folder_ / "centres" / file, image.slice(1, 8, 8 + kSide).contiguous());
    }
  }

  RunSummary run(std::vector<std::string> overrides) {
    config::ComposeRequest request;
    request.primary = folder_ / "one.yaml";
    request.extra_dirs = {CQ_SOURCE_DIR "/configs"};
    request.overrides = std::move(overrides);
    const auto jobs =
        std::make_shared<const ComposedJobs>(std::make_shared<config::JobList>(request));
    Plan plan = plan_experiment(jobs, std::make_shared<Workbench>());
    RunnerOptions how;
    how.progress = ProgressStyle::quiet;
    const auto summary = Runner(plan, how).run();
    cell_ = plan.layout().cell(plan.cells()[0].name);
    return summary;
  }
  std::vector<std::string> all_data() const {
    return {"data.features=" + inception().string(), "data.clip=" + clip().string(),
            "data.reference=" + (folder_ / "wide").string(), std::string("data.resize=") + kResize,
            "data.crop=" + std::to_string(kSide)};
  }
  nlohmann::ordered_json document() const { return read_json(cell_ / "metrics.json"); }

  /// The images of the cell in order, as a file of samples; and the text of each.
  void collect_images() const {
    std::vector<SampleShard> shards;
    for (const auto& entry : fs::directory_iterator(folder_ / "results" / ".store" / "samples")) {
      shards.push_back(load_samples(entry.path()));
    }
    ASSERT_EQ(shards.size(), 2u);
    if (shards[0].images.size(0) < shards[1].images.size(0)) std::swap(shards[0], shards[1]);
    const auto images = at::cat({shards[0].images, shards[1].images}, 0);
    ASSERT_EQ(images.sizes(), (std::vector<int64_t>{kSamples, kSide, kSide, 3}));
    write_npz(folder_ / "samples.npz", {{"arr_0", images}});
    const std::vector<std::string> texts{"a cat", "a dog, sitting", "two birds"};
    std::ofstream file(folder_ / "each.txt");
    for (int64_t i = 0; i < kSamples; ++i) file << texts[size_t(i % 3)] << "\n";
  }

  std::vector<EvaluatedMetric> evaluated(const std::vector<std::string>& metrics) const {
    const bool by_clip = metrics[0] == "clip_score";
    EvaluationRequest request;
    for (const auto& name : metrics) request.metrics.push_back({name, config::Node::dict()});
    request.generated = EvaluationInput::open(folder_ / "samples.npz");
    request.reference = EvaluationInput::open(folder_ / "centres");
    request.network = by_clip ? "clip" : "inception";
    if (by_clip) request.prompts = folder_ / "each.txt";
    request.find_tokenizer = [] { return fs::path(CQ_SOURCE_DIR "/models/clip-tokenizer"); };
    request.make_network = [by_clip]() {
      return by_clip ? make_clip_features(clip(), "clip", at::kCPU)
                     : make_inception_features(inception(), kResize, at::kCPU);
    };
    return evaluate_metrics(request);
  }

  static std::unique_ptr<TempFolder> shared_;
  TempFolder folder_;
  fs::path cell_;
};

std::unique_ptr<TempFolder> JudgedByNetworks::shared_;

TEST_F(JudgedByNetworks, FiguresAreThoseOfAnEvaluationOfTheSameImages) {
  const auto summary = run(all_data());
  ASSERT_EQ(summary.exit_code, 0) << summary.text();
  collect_images();
  const auto metrics = document().at("metrics");
  EXPECT_FALSE(document().contains("missing"));
  auto all = evaluated({"fid", "sfid", "is", "precision"});
  all.push_back(evaluated({"clip_score"}).at(0));
  for (const auto& [name, result] : all) {
    ASSERT_TRUE(metrics.contains(name)) << metrics.dump();
    const bool by_clip = name == "clip_score";
    const double expected = result.value;
    EXPECT_NEAR(metrics[name]["value"].get<double>(), expected, 1e-5 * std::abs(expected)) << name;
    const auto& protocol = metrics[name]["protocol"];
    EXPECT_EQ(protocol["network"], by_clip ? "clip" : "inception") << name;
    EXPECT_EQ(protocol["resize"], by_clip ? "clip to 28x28" : kResize) << name;
    EXPECT_EQ(protocol["samples"], kSamples) << name;
  }
  EXPECT_GT(metrics["fid"]["value"], 0);
  EXPECT_EQ(metrics["fid"]["protocol"]["reference"], "wide");
}

TEST_F(JudgedByNetworks, ClipNeedsNoInceptionAndTextsNoReference) {
  const auto summary = run({"data.clip=" + clip().string()});
  ASSERT_EQ(summary.exit_code, 0) << summary.text();
  EXPECT_TRUE(document()["metrics"]["fid"].is_null());
  EXPECT_THAT(document()["missing"]["fid"].get<std::string>(), HasSubstr("data.features"));
  const auto score = document()["metrics"]["clip_score"]["value"];
  // 100 x a mean cosine.
  EXPECT_TRUE(score.is_number());
  EXPECT_LE(std::abs(score.get<double>()), 100);
  EXPECT_FALSE(fs::exists(folder_ / "results" / ".store" / "reference"));
}

TEST_F(JudgedByNetworks, WeightsOfAnotherNetworkFailTheCellAndAreNamed) {
  auto overrides = all_data();
  overrides[0] = "data.features=" + clip().string();
  overrides[1] = "data.clip=null";
  const auto summary = run(overrides);
  EXPECT_EQ(summary.exit_code, 1);
  ASSERT_EQ(summary.failures.size(), 1u);
  EXPECT_THAT(summary.failures[0].error, HasSubstr(clip().filename().string()));
}

TEST_F(JudgedByNetworks, TheWorkbenchMakesEachNetworkOnce) {
  Workbench bench;
  const auto network = bench.features("clip", clip().string(), std::nullopt);
  EXPECT_EQ(bench.features("clip", clip().string(), std::nullopt), network);
  EXPECT_NE(bench.features("clip", clip().string(), "cmmd"), network);
  EXPECT_EQ(network->weights_hash(), bench.hash(clip().string()));
  EXPECT_EQ(bench.hashes().size(), 1u);
}

}  // namespace
}  // namespace cq
