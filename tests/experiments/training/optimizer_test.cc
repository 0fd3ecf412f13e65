#include "cq/experiments/training/optimizer.h"

#include <cmath>
#include <limits>

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"

namespace cq {
namespace {

/// AdamW of Loshchilov & Hutter 2019, algorithm 2, for one number in double precision.
struct ByHand {
  OptimizerConfig config;
  double weight, first = 0, second = 0;
  int steps = 0;

  void step(double gradient, double rate) {
    ++steps;
    first = config.beta1 * first + (1 - config.beta1) * gradient;
    second = config.beta2 * second + (1 - config.beta2) * gradient * gradient;
    const double m = first / (1 - std::pow(config.beta1, steps));
    const double v = second / (1 - std::pow(config.beta2, steps));
    weight -= rate * (m / (std::sqrt(v) + config.eps) + config.weight_decay * weight);
  }
};

at::Tensor leaf(float value) {
  auto tensor = at::tensor({value});
  tensor.set_requires_grad(true);
  return tensor;
}

TEST(Optimizer, FollowsTheFormulaOfAdamW) {
  const OptimizerConfig config{.weight_decay = 0.1, .clip_norm = 1e9};
  auto weight = leaf(0.7F);
  Optimizer optimizer({weight}, config);
  ByHand hand{config, 0.7};
  for (const float gradient : {0.3F, -2.0F, 0.05F, 1.5F}) {
    weight.mutable_grad() = at::tensor({gradient});
    EXPECT_NEAR(optimizer.step(0.01, 0.5).item<double>(), std::abs(gradient), 1e-6);
    hand.step(gradient, 0.01);
    EXPECT_NEAR(weight.item<float>(), hand.weight, 1e-6);
  }
}

TEST(Optimizer, FollowsTheFormulaOfNesterov) {
  // Sutskever et al. 2013 in the form that looks ahead from the stored weights.
  auto weight = leaf(0.7F);
  Optimizer optimizer({weight},
                      {.rule = "sgd", .momentum = 0.9, .weight_decay = 0.1, .clip_norm = 1e9});
  double w = 0.7, momentum = 0;
  for (const double gradient : {0.3, -2.0, 0.05, 1.5}) {
    weight.mutable_grad() = at::tensor({float(gradient)});
    optimizer.step(0.01, 0.5);
    const double g = gradient + 0.1 * w;
    momentum = 0.9 * momentum + g;
    w -= 0.01 * (g + 0.9 * momentum);
    EXPECT_NEAR(weight.item<float>(), w, 1e-6);
  }
}

TEST(Optimizer, CutsTheNormOfAllGradientsTogether) {
  const OptimizerConfig config{.weight_decay = 0, .clip_norm = 1};
  auto a = leaf(0), b = leaf(0);
  Optimizer optimizer({a, b}, config);
  // Clipped from norm 5 to 1: 3, 4 become 0.6, 0.8; the second step is not clipped. Without the
  // clipping the moments would be five times as large against the second gradient.
  ByHand hand_a{config, 0}, hand_b{config, 0};
  a.mutable_grad() = at::tensor({3.0F});
  b.mutable_grad() = at::tensor({4.0F});
  EXPECT_NEAR(optimizer.step(0.1, 0).item<double>(), 5, 1e-6);
  hand_a.step(0.6, 0.1);
  hand_b.step(0.8, 0.1);
  a.mutable_grad() = at::tensor({-0.3F});
  b.mutable_grad() = at::tensor({0.1F});
  optimizer.step(0.1, 0);
  hand_a.step(-0.3, 0.1);
  hand_b.step(0.1, 0.1);
  EXPECT_NEAR(a.item<float>(), hand_a.weight, 1e-5);
  EXPECT_NEAR(b.item<float>(), hand_b.weight, 1e-5);
}

TEST(Optimizer, CountsTheUpdatesOfEveryLeaf) {
  auto a = leaf(1), b = leaf(2);
  Optimizer optimizer({a, b}, {});
  for (int i = 0; i < 3; ++i) {
    a.mutable_grad() = at::tensor({1.0F});
    optimizer.step(0.1, 0.9);
  }
  int found = 0;
  for (const auto& [name, value] : optimizer.state()) {
    if (!name.starts_with("updates.")) continue;
    ++found;
    EXPECT_EQ(value.item<float>(), 3) << name;
  }
  EXPECT_EQ(found, 2);
}

TEST(Optimizer, AveragesTheWeights) {
  auto weight = leaf(1);
  Optimizer optimizer({weight}, {.weight_decay = 0, .clip_norm = 1e9});
  double average = 1;
  for (int i = 0; i < 3; ++i) {
    weight.mutable_grad() = at::tensor({1.0F});
    optimizer.step(0.1, 0.9);
    average = 0.9 * average + 0.1 * weight.item<float>();
  }
  EXPECT_NEAR(optimizer.ema()[0].item<float>(), average, 1e-6);
}

TEST(Optimizer, StopsAtAGradientThatIsNotFinite) {
  auto weight = leaf(1);
  Optimizer optimizer({weight}, {});
  weight.mutable_grad() = at::tensor({std::numeric_limits<float>::infinity()});
  EXPECT_THROW(optimizer.step(0.1, 0.9), RunError);
  EXPECT_EQ(weight.item<float>(), 1);
}

TEST(CosineSchedule, WarmsUpAndFalls) {
  EXPECT_DOUBLE_EQ(cosine_schedule(0, 4, 12, 0.1), 0.25);
  EXPECT_DOUBLE_EQ(cosine_schedule(3, 4, 12, 0.1), 1);
  EXPECT_DOUBLE_EQ(cosine_schedule(4, 4, 12, 0.1), 1);
  EXPECT_NEAR(cosine_schedule(8, 4, 12, 0.1), 0.55, 1e-12);
  EXPECT_NEAR(cosine_schedule(12, 4, 12, 0.1), 0.1, 1e-12);
}

}  // namespace
}  // namespace cq
