#include "cq/core/models/autoencoder.h"

#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/models/kl_stage.h"
#include "cq/core/models/patch_stage.h"
#include "cq/core/models/vq_stage.h"
#include "golden_weights.h"

namespace cq {
namespace {

using test::uniform;

template <class Config>
Config narrow(Config c) {
  c.channels = 32;
  c.channel_mult = {1, 2};
  c.num_res_blocks = 1;
  return c;
}

VqStageConfig narrow_vq() {
  auto c = narrow(VqStageConfig());
  c.codes = 64;
  return c;
}

class AutoencoderTest : public testing::Test {
 protected:
  static LatentConfig latent(int64_t channels) { return {.channels = channels, .size = 8}; }

  /// Moments and image of a KL autoencoder against the reference's.
  void check_kl(const AutoencoderConfig& config, const std::string& name) const {
    KlStage stage(config, latent(config.embed_dim), Weights(InitMode::shapes, 0));
    test::fill(stage.weights());
    const auto moments = golden_.tensor(name + ".moments").chunk(2, 1);
    const auto got = stage.posterior(uniform("x", {2, 3, 16, 16}), executor_);
    EXPECT_LT(test::difference(got.mean, moments[0]), 1e-5);
    EXPECT_LT(test::difference(got.log_variance, moments[1]), 1e-5);
    const auto image = stage.to_images(uniform("z", {2, 4, 8, 8}), executor_);
    EXPECT_LT(test::difference(image, golden_.tensor(name + ".image")), 1e-5);
  }

  c10::NoGradGuard no_grad_;
  FloatExecutor executor_;
  SafeTensors golden_ =
      SafeTensors::open(CQ_SOURCE_DIR "/tests/core/golden/autoencoders.safetensors");
};

TEST_F(AutoencoderTest, KlF8HasTheKeysAndParametersOfTheReference) {
  const KlStage stage({}, latent(4), Weights(InitMode::shapes, 0));
  EXPECT_EQ(stage.weights().count(), 83653863);
  EXPECT_EQ(stage.weights().named().size(), 248);
  EXPECT_EQ(test::key_hash(stage.weights()), golden_.metadata().at("kl-f8"));
  EXPECT_EQ(stage.factor(), 8);
}

TEST_F(AutoencoderTest, VqF4HasTheKeysAndParametersOfTheReference) {
  const VqStage stage({}, latent(3), Weights(InitMode::shapes, 0));
  EXPECT_EQ(stage.weights().count(), 55322782);
  EXPECT_EQ(stage.weights().named().size(), 205);
  EXPECT_EQ(test::key_hash(stage.weights()), golden_.metadata().at("vq-f4"));
  EXPECT_EQ(stage.factor(), 4);
}

TEST_F(AutoencoderTest, KlIsTheReference) {
  check_kl(narrow(AutoencoderConfig()), "kl");
}

TEST_F(AutoencoderTest, KlWithAttentionOnALevelIsTheReference) {
  auto config = narrow(AutoencoderConfig());
  config.attention_resolutions = {2};
  config.z_channels = 5;
  check_kl(config, "attended");
}

TEST_F(AutoencoderTest, VqIsTheReference) {
  VqStage stage(narrow_vq(), latent(3), Weights(InitMode::shapes, 0));
  test::fill(stage.weights());
  const auto z = uniform("z", {2, 3, 8, 8}) * 2;
  const auto got = stage.to_latents(uniform("x", {2, 3, 16, 16}), executor_);
  EXPECT_LT(test::difference(got, golden_.tensor("vq.latent")), 1e-5);
  EXPECT_LT(test::difference(stage.quantize(z), golden_.tensor("vq.codes")), 1e-6);
  EXPECT_LT(test::difference(stage.to_images(z, executor_), golden_.tensor("vq.image")), 1e-5);
}

TEST_F(AutoencoderTest, ACodeIsItsOwnNearest) {
  const VqStage stage(narrow_vq(), latent(3), Weights(InitMode::random, 0));
  const auto once = stage.quantize(uniform("z", {1, 3, 8, 8}));
  EXPECT_TRUE(at::equal(stage.quantize(once), once));
}

TEST_F(AutoencoderTest, LatentsAreScaled) {
  KlStage stage(narrow(AutoencoderConfig()), latent(4), Weights(InitMode::random, 0));
  const auto x = uniform("x", {1, 3, 16, 16});
  const auto plain = stage.encode(x);
  stage.set_scale(0.25);
  EXPECT_LT(test::difference(stage.encode(x), plain * 0.25), 1e-6);
  EXPECT_LT(test::difference(stage.decode(plain * 0.25), stage.to_images(plain, executor_)), 1e-6);
}

TEST_F(AutoencoderTest, GroupsOfImagesDoNotShow) {
  const PatchStage stage({.patch = 8}, {.channels = 4, .size = 64}, Weights(InitMode::random, 0));
  const auto images = uniform("x", {3, 3, 512, 512});  // one at a time
  const auto latents = stage.encode(images);
  EXPECT_EQ(test::difference(latents, stage.to_latents(images, executor_)), 0);
  EXPECT_EQ(test::difference(stage.decode(latents), stage.to_images(latents, executor_)), 0);
}

TEST_F(AutoencoderTest, OneImageKeepsItsChannelsLast) {
  // Where a layer loses the order, all after it copy what they read and write.
  const KlStage stage(narrow(AutoencoderConfig()), latent(4), Weights(InitMode::random, 0));
  const auto image = stage.decode(uniform("z", {1, 4, 8, 8}));
  EXPECT_EQ(image.suggest_memory_format(), at::MemoryFormat::ChannelsLast);
}

TEST_F(AutoencoderTest, ImpossibleConfigurations) {
  EXPECT_THROW(KlStage({}, latent(3), Weights(InitMode::shapes, 0)), UsageError);
  AutoencoderConfig odd;
  odd.channels = 48;
  EXPECT_THROW(KlStage(odd, latent(4), Weights(InitMode::shapes, 0)), UsageError);
}

}  // namespace
}  // namespace cq
