#include "cq/metrics/clip_features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/executor.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/models/clip.h"
#include "tests/core/golden_weights.h"
#include "tests/io/temp_folder.h"

namespace cq {
namespace {

ClipParameters narrow() {
  ClipParameters config;
  config.tokens = 7;
  config.width = 64;
  config.layers = 2;
  config.heads = 1;
  config.vocabulary = 50;
  config.image_size = 28;
  config.patch = 14;
  config.vision_width = 128;
  config.vision_layers = 3;
  config.vision_heads = 2;
  config.projection = 24;
  return config;
}

class ClipNetwork : public ::testing::Test {
 protected:
  ClipNetwork() : encoder_(narrow(), Weights(InitMode::random, 1)) {
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    for (const auto& [name, value] : encoder_.weights().named()) tensors.emplace_back(name, value);
    write_safetensors(file_, tensors);
  }

  ClipEncoder encoder_;
  FloatExecutor executor_;
  test::TempFolder folder_;
  std::filesystem::path file_ = folder_ / "clip.safetensors";
};

TEST_F(ClipNetwork, TakesItsSizesFromTheWeights) {
  const auto network = make_clip_features(file_, "clip", at::kCPU);
  EXPECT_EQ(network->resize(), "clip to 28x28");
  const auto images =
      test::uniform("images", {2, 28, 28, 3}).add(1).mul(127.5).floor().to(at::kByte);
  // OpenAI's constants, channel by channel.
  auto pixels = images.permute({0, 3, 1, 2}).to(at::kFloat) / 255;
  const double mean[] = {.48145466, .4578275, .40821073};
  const double deviation[] = {.26862954, .26130258, .27577711};
  for (int64_t c = 0; c < 3; ++c) pixels.select(1, c).sub_(mean[c]).div_(deviation[c]);
  EXPECT_LT(test::difference(network->compute(images).features,
                             encoder_.image_features(pixels, executor_)),
            1e-5);
  const auto tokens = at::arange(14, at::kLong).view({2, 7});
  EXPECT_LT(
      test::difference(network->compute_text(tokens), encoder_.text_features(tokens, executor_)),
      1e-6);
}

TEST_F(ClipNetwork, RefusesUnknownResizesAndOtherWeights) {
  EXPECT_THAT([&] { make_clip_features(file_, "adm", at::kCPU); },
              ::testing::ThrowsMessage<UsageError>(::testing::HasSubstr("clip, cmmd")));
  write_safetensors(file_, {{"head.weight", at::zeros({3, 4})}});
  EXPECT_THAT([&] { make_clip_features(file_, "clip", at::kCPU); },
              ::testing::ThrowsMessage<RunError>(::testing::HasSubstr("no CLIP")));
}

}  // namespace
}  // namespace cq
