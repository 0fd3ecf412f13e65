#include "cq/core/models/clip_text.h"

#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/models/conditioning.h"
#include "golden_weights.h"

namespace cq {
namespace {

constexpr ClipTextConfig kNarrow{
    .tokens = 9, .width = 32, .layers = 2, .heads = 4, .vocabulary = 50};

class ClipTextTest : public testing::Test {
 protected:
  c10::NoGradGuard no_grad_;
  FloatExecutor executor_;
  at::Tensor tokens_ = (test::uniform("tokens", {3, 9}) * 25 + 25).to(at::kLong);
};

TEST_F(ClipTextTest, IsTheReference) {
  Weights weights(InitMode::shapes, 0);
  const ClipText text(Scope(weights), kNarrow);
  test::fill(weights);
  const auto golden =
      SafeTensors::open(CQ_SOURCE_DIR "/tests/core/golden/clip_text.safetensors").tensor("hidden");
  EXPECT_LT(test::difference(text.forward(tokens_, executor_), golden), 1e-5);
}

TEST_F(ClipTextTest, VitL14HasThePublishedTensors) {
  Weights weights(InitMode::shapes, 0);
  const ClipText text(Scope(weights), {});
  EXPECT_EQ(weights.named().size(), 196);
  EXPECT_EQ(weights.count(), 123060480);
}

TEST_F(ClipTextTest, NoTokenSeesThoseBehindIt) {
  Weights weights(InitMode::random, 0);
  const ClipText text(Scope(weights), kNarrow);
  auto other = tokens_.clone();
  other.narrow(1, 5, 4).fill_(7);
  const auto a = text.forward(tokens_, executor_), b = text.forward(other, executor_);
  EXPECT_TRUE(at::equal(a.narrow(1, 0, 5), b.narrow(1, 0, 5)));
  EXPECT_FALSE(at::equal(a.narrow(1, 5, 4), b.narrow(1, 5, 4)));
}

TEST_F(ClipTextTest, RefusesWhatHasNoEmbedding) {
  Weights weights(InitMode::random, 0);
  const ClipText text(Scope(weights), kNarrow);
  EXPECT_THROW(text.forward(at::full({1, 9}, 50, at::kLong), executor_), UsageError);
  EXPECT_THROW(text.forward(at::full({1, 10}, 5, at::kLong), executor_), UsageError);
}

TEST_F(ClipTextTest, LabelsNumberTheContexts) {
  TextConfig config;
  static_cast<ClipTextConfig&>(config) = kNarrow;
  config.encoder = "clip";
  Text condition(config, Weights(InitMode::random, 0));
  condition.set_tokens(tokens_.narrow(0, 0, 2), tokens_[2]);
  ASSERT_EQ(condition.classes(), 2);
  NetworkInput in;
  condition.apply(at::arange(3, at::kLong).flip(0), in);
  const auto expected = condition.encoder().forward(tokens_, executor_).flip(0);
  EXPECT_LT(test::difference(in.context, expected), 1e-5);
}

}  // namespace
}  // namespace cq
