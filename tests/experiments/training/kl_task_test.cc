#include <sstream>

#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/noise.h"
#include "cq/experiments/training/tasks.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

/// Images of smooth colour, which an autoencoder learns within a few steps.
ImageData smooth_images(int64_t n, uint64_t seed) {
  const auto coarse = NoiseSource(seed, 0).draw(n, {3, 2, 2}, 0);
  const auto fine = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3);
  const auto images = (fine * 60 + 128).clamp(0, 255).to(at::kByte);
  return {images, at::zeros({n}, at::kLong), {"one"}};
}

Model small_model(const char* kind = "kl") {
  const nlohmann::ordered_json config = {{"name", "small-kl"},
                                         {"latent", {{"channels", 4}, {"size", 4}}},
                                         {"first_stage",
                                          {{"kind", kind},
                                           {"channels", 32},
                                           {"channel_mult", {1, 2}},
                                           {"num_res_blocks", 1},
                                           {"embed_dim", 4}}}};
  return {config::Node::from_json(config), nullptr, InitMode::training, 3};
}

/// A task whose process dies before step `end`.
class Dying : public TrainingTask {
 public:
  Dying(std::unique_ptr<TrainingTask> task, int64_t end) : task_(std::move(task)), end_(end) {}
  std::vector<at::Tensor> trainable() const override { return task_->trainable(); }
  at::Tensor loss(int64_t step) override {
    if (step == end_) throw RunError("killed");
    return task_->loss(step);
  }
  std::string evaluate(int64_t step, const std::filesystem::path& folder) override {
    return task_->evaluate(step, folder);
  }
  void export_weights(const std::filesystem::path& file, int64_t step) override {
    task_->export_weights(file, step);
  }

 private:
  std::unique_ptr<TrainingTask> task_;
  int64_t end_;
};

class KlTaskTest : public ::testing::Test {
 protected:
  static constexpr int64_t kBatch = 4;

  /// Trains from whatever `folder` holds, to the end or until the process "dies".
  static void train_in(const std::filesystem::path& folder, int64_t dies_at = -1) {
    auto model = small_model();
    const KlTaskConfig config{.batch = kBatch, .seed = 1};
    Dying task(
        make_kl_task(model, smooth_images(kBatch, 1), smooth_images(16, 2), config, at::kCPU),
        dies_at);
    TrainingConfig training;
    training.steps = 8;
    training.batch = kBatch;
    training.warmup = 1;
    training.learning_rate = 3e-4;
    training.precision = "float32";
    training.log_every = 1;
    training.evaluate_every = 8;
    training.checkpoint_every = 3;
    train(task, training, at::kCPU, folder);
  }

  static std::vector<double> losses(const std::filesystem::path& folder) {
    std::istringstream rows(read_text(folder / "losses.csv"));
    std::vector<double> values;
    std::string row;
    for (std::getline(rows, row); std::getline(rows, row);) {
      const auto first = row.find(',', row.find(',') + 1) + 1;
      values.push_back(std::stod(row.substr(first)));
    }
    return values;
  }

  testing::TempFolder folder_;
};

TEST_F(KlTaskTest, AFewStepsLowerTheLoss) {
  train_in(folder_.path() / "a");
  const auto values = losses(folder_.path() / "a");
  ASSERT_EQ(values.size(), 8);
  EXPECT_LT(values.back(), 0.9 * values.front());
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "a" / "grid_000008.png"));
}

TEST_F(KlTaskTest, AKilledTrainingGoesOnBitForBit) {
  const auto whole = folder_.path() / "whole", killed = folder_.path() / "killed";
  train_in(whole);
  EXPECT_THROW(train_in(killed, 5), RunError);  // two steps after its checkpoint
  train_in(killed);
  EXPECT_EQ(losses(whole), losses(killed));
  for (const char* name : {"weights.safetensors", "checkpoint.safetensors"}) {
    const auto a = SafeTensors::open(whole / name), b = SafeTensors::open(killed / name);
    ASSERT_EQ(a.names(), b.names());
    for (const auto& entry : a.names()) EXPECT_TRUE(at::equal(a.tensor(entry), b.tensor(entry)));
  }
}

TEST_F(KlTaskTest, WeightsOpenAsAModelWithTheirScale) {
  train_in(folder_.path());
  const auto source = open_weights(folder_.path() / "weights.safetensors");
  auto config = nlohmann::ordered_json{
      {"name", "small-kl"},
      {"latent", {{"channels", 4}, {"size", 8}, {"scale_factor", nullptr}}},
      {"first_stage",
       {{"kind", "kl"}, {"channels", 32}, {"channel_mult", {1, 2}}, {"num_res_blocks", 1}}}};
  const Model model(config::Node::from_json(config), source, InitMode::random, 0);
  const c10::NoGradGuard no_grad;
  const auto latents = model.first_stage().encode(to_unit_range(smooth_images(16, 2).images));
  EXPECT_NEAR(latents.std().item<double>(), 1, 1e-4);
}

TEST_F(KlTaskTest, RefusesWhatItCannotTrain) {
  const nlohmann::ordered_json config = {{"name", "patches"},
                                         {"first_stage", {{"kind", "patch"}, {"patch", 4}}}};
  Model patches(config::Node::from_json(config), nullptr, InitMode::training, 0);
  EXPECT_THROW(make_kl_task(patches, smooth_images(8, 1), smooth_images(8, 2), {}, at::kCPU),
               UsageError);
  auto model = small_model();
  ImageData odd = smooth_images(8, 1);
  odd.images = odd.images.narrow(3, 0, 7);
  EXPECT_THROW(make_kl_task(model, odd, smooth_images(8, 2), {}, at::kCPU), UsageError);
}

}  // namespace
}  // namespace cq
