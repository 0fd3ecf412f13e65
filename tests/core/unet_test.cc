#include "cq/core/models/unet.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/cache.h"
#include "small_models.h"

namespace cq {
namespace {

using testing::Contains;

class UNetTest : public testing::Test {
 protected:
  c10::NoGradGuard no_grad_;
  Model model_ = test::small_unet();
  FloatExecutor executor_;
};

TEST_F(UNetTest, NamesAreThoseOfTheLdmCheckpoints) {
  std::vector<std::string> names;
  for (const auto& [name, value] : model_.named()) names.push_back(name);
  const std::string root = "model.diffusion_model.";
  for (const char* name :
       {"time_embed.0.weight", "time_embed.2.bias", "input_blocks.0.0.weight",
        "input_blocks.1.0.in_layers.0.weight", "input_blocks.1.0.in_layers.2.weight",
        "input_blocks.1.0.emb_layers.1.weight", "input_blocks.1.0.out_layers.3.weight",
        "input_blocks.2.0.op.weight", "input_blocks.3.0.skip_connection.weight",
        "input_blocks.3.1.norm.weight", "input_blocks.3.1.proj_in.weight",
        "input_blocks.3.1.transformer_blocks.0.attn1.to_q.weight",
        "input_blocks.3.1.transformer_blocks.0.attn2.to_out.0.bias",
        "input_blocks.3.1.transformer_blocks.0.ff.net.0.proj.weight",
        "input_blocks.3.1.transformer_blocks.0.ff.net.2.weight", "middle_block.1.proj_out.weight",
        "output_blocks.1.2.conv.weight", "out.0.weight", "out.2.weight"}) {
    EXPECT_THAT(names, Contains(root + name));
  }
  EXPECT_THAT(names, Contains("cond_stage_model.embedding.weight"));
}

TEST_F(UNetTest, APinnedPointGivesTheFullStep) {
  ComputeAll compute;
  const auto full = test::call(model_, executor_, compute);
  for (int64_t branch = 0; branch < 4; ++branch) {
    const auto point = model_.network().cache_point(branch, {});
    PinnedPoint keep(point);
    EXPECT_TRUE(at::equal(test::call(model_, executor_, keep), full)) << branch;
    PinnedPoint reuse(point, keep.value());
    EXPECT_TRUE(at::equal(test::call(model_, executor_, reuse), full)) << branch;
  }
}

TEST_F(UNetTest, ACachedStepDependsOnTheCachedValue) {
  const auto point = model_.network().cache_point(0, {});
  PinnedPoint keep(point);
  const auto full = test::call(model_, executor_, keep);
  PinnedPoint other(point, keep.value().flip(3));
  EXPECT_FALSE(at::allclose(test::call(model_, executor_, other), full, 1e-3, 1e-3));
}

TEST_F(UNetTest, ConsumersHaveTheSeamAtTheCachedChannels) {
  for (int64_t branch = 0; branch < 4; ++branch) {
    const auto point = model_.network().cache_point(branch, {});
    PinnedPoint keep(point);
    test::call(model_, executor_, keep);
    ASSERT_FALSE(point.consumers.empty());
    for (const auto id : point.consumers) {
      EXPECT_EQ(model_.network().weights().units()[size_t(id)].seam, keep.value().size(1));
    }
  }
}

TEST_F(UNetTest, UnknownBranch) {
  EXPECT_THROW(model_.network().cache_point(4, {}), UsageError);
  EXPECT_THROW(model_.network().cache_point(0, {1, 2}), UsageError);
}

TEST_F(UNetTest, AnImageDoesNotDependOnItsBatch) {
  ComputeAll compute;
  const auto x = NoiseSource(0, 0).draw(4, {3, 8, 8}, 0);
  const auto t = at::full({4}, 300, at::kLong), labels = at::arange(4, at::kLong);
  const Step step(executor_, compute, 0);
  const auto all = model_.network().forward(model_.input(x, t, labels), step);
  for (int64_t i = 0; i < 4; ++i) {
    const auto one = model_.network().forward(
        model_.input(x.narrow(0, i, 1), t.narrow(0, i, 1), labels.narrow(0, i, 1)), step);
    EXPECT_TRUE(at::allclose(one[0], all[i], 1e-4, 1e-5)) << i;
  }
}

}  // namespace
}  // namespace cq
