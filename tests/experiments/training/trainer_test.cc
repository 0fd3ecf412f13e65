#include "cq/experiments/training/trainer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <sstream>

#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/core/io/safetensors.h"
#include "cq/experiments/training/augment.h"
#include "cq/experiments/training/draws.h"
#include "cq/experiments/training/tasks.h"
#include "tests/base/temp_folder.h"
#include "tests/core/small_models.h"
#include "tests/experiments/training/gpu.h"

namespace cq {
namespace {

using cq::testing::TempFolder;

/// Images of `classes` classes that a glance tells apart: each class has a brightness of its own.
ImageData bright_images(int64_t n, int64_t size, int64_t classes) {
  ImageData data;
  data.labels = at::arange(n, at::kLong).remainder(classes);
  const auto level = data.labels.to(at::kFloat) * (200.0 / double(classes)) + 20;
  const auto noise =
      at::arange(n * 3 * size * size, at::kFloat).remainder(17).view({n, 3, size, size});
  data.images = (level.view({n, 1, 1, 1}) + noise).to(at::kByte);
  return data;
}

TrainingConfig few_steps(int64_t steps) {
  TrainingConfig config;
  config.steps = steps;
  config.batch = 8;
  config.warmup = 2;
  config.learning_rate = 5e-3;
  config.ema_decay = 0.8;
  config.precision = "float32";
  config.log_every = 1;
  config.checkpoint_every = 2;
  config.evaluate_every = 1000;
  return config;
}

/// Runs another task until it is killed in step `end`.
class KilledTask : public TrainingTask {
 public:
  struct Killed {};
  KilledTask(TrainingTask& task, int64_t end) : task_(task), end_(end) {}
  std::vector<at::Tensor> trainable() const override { return task_.trainable(); }
  std::vector<std::pair<std::string, at::Tensor>> buffers() const override {
    return task_.buffers();
  }
  at::Tensor loss(int64_t step) override {
    if (step == end_) throw Killed();
    return task_.loss(step);
  }
  std::string evaluate(int64_t, const std::filesystem::path&) override { return ""; }
  void export_weights(const std::filesystem::path& file, int64_t step) override {
    task_.export_weights(file, step);
  }

 private:
  TrainingTask& task_;
  int64_t end_;
};

/// Hands a newly built task on a device to `use`: what a new process would begin with.
using WithTask =
    std::function<void(const at::Device&, const std::function<void(TrainingTask&)>& use)>;

void with_classifier(const at::Device& device, const std::function<void(TrainingTask&)>& use) {
  Classifier classifier({.widths = {8, 8}, .classes = 2}, Weights(InitMode::training, 3));
  classifier.weights().to(device);
  const auto data = bright_images(24, 32, 2);
  use(*make_classifier_task(classifier, data, data, {.batch = 8, .cutout = 4, .mixup = 0.5},
                            device));
}

template <Model (*make)(uint64_t)>
void with_denoiser(const at::Device& device, const std::function<void(TrainingTask&)>& use) {
  auto model = make(5);
  model.to(device);
  const auto data = bright_images(24, model.latent().size, 10);
  use(*make_denoiser_task(model, data, data, {.batch = 8}, device));
}

std::vector<std::string> columns_without_speed(const std::filesystem::path& file) {
  std::vector<std::string> rows;
  std::istringstream text(read_text(file));
  for (std::string row; std::getline(text, row);) rows.push_back(row.substr(0, row.rfind(',')));
  return rows;
}

struct Trained {
  const char* name;
  WithTask with_task;
  bool gpu = false;
  friend void PrintTo(const Trained& task, std::ostream* out) { *out << task.name; }
};

class Training : public ::testing::TestWithParam<Trained> {
 protected:
  void SetUp() override {
    if (!GetParam().gpu) return;
    if (const auto reason = cq::testing::no_gpu(); !reason.empty()) GTEST_SKIP() << reason;
    device_ = at::Device(at::kCUDA, 0);
  }
  void with_task(const std::function<void(TrainingTask&)>& use) const {
    GetParam().with_task(device_, use);
  }
  at::Device device_ = at::kCPU;
};

TEST_P(Training, ResumesBitForBitAfterAKill) {
  const TempFolder folder;
  const auto straight = folder.path() / "straight", killed = folder.path() / "killed";
  auto config = few_steps(6);
  if (GetParam().gpu) config.precision = "bfloat16";
  with_task([&](TrainingTask& task) { train(task, config, device_, straight); });
  // Killed after step 5, whose last checkpoint is of step 4; row 5 of the losses comes again.
  with_task([&](TrainingTask& task) {
    KilledTask until(task, 5);
    EXPECT_THROW(train(until, config, device_, killed), KilledTask::Killed);
  });
  with_task([&](TrainingTask& task) { train(task, config, device_, killed); });
  for (const char* name : {"weights.safetensors", "checkpoint.safetensors"}) {
    EXPECT_EQ(read_text(straight / name), read_text(killed / name)) << name;
  }
  const auto rows = columns_without_speed(straight / "losses.csv");
  EXPECT_EQ(rows.size(), 7u);
  EXPECT_EQ(rows, columns_without_speed(killed / "losses.csv"));
}

TEST_P(Training, RefusesACheckpointOfAnotherNetwork) {
  const TempFolder folder;
  write_safetensors(folder.path() / "checkpoint.safetensors", {{"weight.0", at::tensor({1.0F})}},
                    {{"step", "3"}});
  with_task([&](TrainingTask& task) {
    try {
      train(task, few_steps(6), device_, folder.path());
      FAIL() << "accepted";
    } catch (const RunError& error) {
      EXPECT_NE(std::string(error.what()).find("checkpoint.safetensors: 'weight.0'"),
                std::string::npos)
          << error.what();
    }
  });
}

TEST_P(Training, ExportsWhatItTrained) {
  const TempFolder folder;
  with_task([&](TrainingTask& task) {
    task.export_weights(folder / "before.safetensors", 0);
    train(task, few_steps(4), device_, folder.path());
  });
  const auto before = SafeTensors::open(folder / "before.safetensors");
  const auto after = SafeTensors::open(folder / "weights.safetensors");
  for (const auto& name : after.names()) {
    const auto has = [&name](const char* part) { return name.find(part) != std::string::npos; };
    const bool fixed = has("first_stage_model.") || has("pos_embed");
    // Attention to one key, the class, does not depend on queries and keys; nor a norm's input on a
    // bias before it.
    const bool idle = has("attn2.to_q") || has("attn2.to_k") || has("norm2") || has("bias");
    if (fixed || idle) continue;
    EXPECT_FALSE(at::equal(before.tensor(name), after.tensor(name))) << name;
  }
}

TEST_P(Training, NothingBrokenIsKept) {
  const TempFolder folder;
  with_task([&](TrainingTask& task) {
    auto config = few_steps(6);
    config.log_every = 1000;
    config.learning_rate = std::numeric_limits<double>::infinity();
    EXPECT_THROW(train(task, config, device_, folder.path()), RunError);
  });
  EXPECT_FALSE(std::filesystem::exists(folder / "checkpoint.safetensors"));
}

INSTANTIATE_TEST_SUITE_P(
    Tasks, Training,
    ::testing::Values(Trained{"classifier", with_classifier},
                      Trained{"unet", with_denoiser<test::small_unet>},
                      Trained{"dit", with_denoiser<test::small_dit>},
                      Trained{"classifier_on_gpu", with_classifier, true},
                      Trained{"unet_on_gpu", with_denoiser<test::small_unet>, true},
                      Trained{"dit_on_gpu", with_denoiser<test::small_dit>, true}),
    [](const auto& task) { return std::string(task.param.name); });

TEST(DenoiserTask, HeldOutLossIsTheSameOnAGpu) {
  if (const auto reason = cq::testing::no_gpu(); !reason.empty()) GTEST_SKIP() << reason;
  const auto loss_on = [](const at::Device& device) {
    const TempFolder folder;
    double loss = 0;
    with_denoiser<test::small_unet>(device, [&](TrainingTask& task) {
      const c10::NoGradGuard no_grad;
      const auto text = task.evaluate(0, folder.path());
      loss = std::stod(text.substr(text.rfind(' ')));
    });
    return loss;
  };
  EXPECT_NEAR(loss_on(at::kCPU), loss_on(at::Device(at::kCUDA, 0)), 1e-3);
}

TEST(ClassifierTask, LearnsWhatAGlanceTells) {
  Classifier classifier({.widths = {8, 8}, .classes = 2}, Weights(InitMode::training, 3));
  const auto data = bright_images(32, 32, 2);
  const auto task = make_classifier_task(classifier, data, data, {.batch = 8}, at::kCPU);
  auto config = few_steps(60);
  config.checkpoint_every = 60;
  const TempFolder folder;
  train(*task, config, at::kCPU, folder.path());
  EXPECT_EQ(classifier_accuracy(classifier, data, at::kCPU), 1);
}

TEST(ClassifierTask, AMixtureCountsForBothItsClassesByShare) {
  // Of equal images every mixture is the image, and the loss depends on the label alone.
  Classifier classifier({.widths = {8, 8}, .classes = 2}, Weights(InitMode::random, 3));
  ImageData data = bright_images(8, 32, 2);
  data.images.fill_(100);
  const auto loss = [&](const at::Tensor& labels, double mixup) {
    data.labels = labels;
    const ClassifierTaskConfig config{.batch = 8, .blur_probability = 0, .mixup = mixup};
    return make_classifier_task(classifier, data, data, config, at::kCPU)->loss(0).item<double>();
  };
  const auto labels = at::arange(8, at::kLong).remainder(2);
  const double zero = loss(at::zeros_like(labels), 0), one = loss(at::full({8}, 1, at::kLong), 0);
  ASSERT_GT(std::abs(zero - one), 0.1);
  // The draws of step 0 up to the shares: flips, shifts and blurs.
  auto generator = step_generator(at::kCPU, 0, 0);
  draw_uniform({8}, generator);
  draw_uniform({8, 2}, generator);
  draw_uniform({8}, generator);
  const auto shares = draw_shares(8, 0.7, generator);
  const auto picked = epoch_batch(8, 8, 0, 0);
  double expected = 0;
  for (size_t i = 0; i < 8; ++i) {
    const double share = shares[int64_t(i)].item<float>();
    const bool own = picked[i] % 2 == 1, other = picked[(i + 7) % 8] % 2 == 1;
    expected += (share * (own ? one : zero) + (1 - share) * (other ? one : zero)) / 8;
  }
  EXPECT_NEAR(loss(labels, 0.7), expected, 1e-4);
}

TEST(DenoiserTask, LossFallsOnImagesThatRepeat) {
  auto model = test::small_unet(5);
  const auto data = bright_images(8, 8, 10);
  const auto task =
      make_denoiser_task(model, data, data, {.batch = 8, .label_dropout = 0}, at::kCPU);
  const auto mean_loss = [&] {
    double sum = 0;
    for (int64_t step = 1000; step < 1020; ++step) sum += task->loss(step).item<double>();
    return sum / 20;
  };
  const double before = mean_loss();
  auto config = few_steps(60);
  config.checkpoint_every = 60;
  const TempFolder folder;
  train(*task, config, at::kCPU, folder.path());
  EXPECT_LT(mean_loss(), 0.5 * before);
}

TEST(EpochBatch, SeesEachImageOnceAnEpoch) {
  for (const int64_t size : {10, 64, 1000}) {
    std::vector<int64_t> first_epoch;
    const int64_t batch = 5, steps = size / batch;
    for (int64_t epoch = 0; epoch < 2; ++epoch) {
      std::vector<int64_t> seen;
      for (int64_t step = 0; step < steps; ++step) {
        const auto picked = epoch_batch(size, batch, epoch * steps + step, 7);
        seen.insert(seen.end(), picked.begin(), picked.end());
      }
      if (epoch == 0) first_epoch = seen;
      if (epoch == 1) {
        EXPECT_NE(seen, first_epoch);
      }
      EXPECT_EQ(std::set<int64_t>(seen.begin(), seen.end()).size(), size_t(steps * batch));
      EXPECT_GE(*std::min_element(seen.begin(), seen.end()), 0);
      EXPECT_LT(*std::max_element(seen.begin(), seen.end()), size);
    }
  }
  EXPECT_EQ(epoch_batch(1000, 5, 3, 7), epoch_batch(1000, 5, 3, 7));
  EXPECT_NE(epoch_batch(1000, 5, 3, 7), epoch_batch(1000, 5, 3, 8));
}

}  // namespace
}  // namespace cq
