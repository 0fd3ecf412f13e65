#include "cq/core/denoiser.h"

#include <limits>

#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/samplers/ddim.h"
#include "small_models.h"

namespace cq {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Denoiser, GuidanceExtrapolatesFromNoClass) {
  const c10::NoGradGuard no_grad;
  const auto model = test::small_unet();
  const FloatExecutor executor;
  ComputeAll compute;
  const auto x = NoiseSource(0, 0).draw(2, {3, 8, 8}, 0);
  const auto labels = at::arange(2, at::kLong), none = at::full({2}, 10, at::kLong);
  const auto eps = [&](double guidance, const at::Tensor& classes) {
    return Denoiser(model, executor, guidance).eps(x, classes, 400, 0, compute);
  };
  const auto with = eps(1, labels), without = eps(1, none);
  EXPECT_LT((eps(3, labels) - (without + 3 * (with - without))).abs().max().item<double>(), 1e-4);
  EXPECT_GT((with - without).abs().max().item<double>(), 1e-4);
}

// forward_with_cfg of the DiT code: [cond, uncond], guidance on the first channels only, the rest
// and the variance from the half with condition.
TEST(Denoiser, GuidanceOfDiTLeavesTheOtherChannels) {
  const c10::NoGradGuard no_grad;
  auto config = test::small_dit_config();
  config["network"]["learn_sigma"] = true;
  config["guidance"] = {{"order", "cond_first"}, {"channels", 2}};
  const Model model(config::Node::from_json(config), nullptr, InitMode::random, 0);
  const FloatExecutor executor;
  ComputeAll compute;
  const auto x = NoiseSource(0, 0).draw(2, {3, 4, 4}, 0);
  const auto labels = at::arange(2, at::kLong), none = at::full({2}, 10, at::kLong);
  const auto predict = [&](double guidance, const at::Tensor& classes) {
    return Denoiser(model, executor, guidance).predict(x, classes, 400, 0, compute);
  };
  const auto with = predict(1, labels), without = predict(1, none), guided = predict(4, labels);
  auto expected = without.eps + 4 * (with.eps - without.eps);
  expected.narrow(1, 2, 1).copy_(with.eps.narrow(1, 2, 1));
  EXPECT_LT((guided.eps - expected).abs().max().item<double>(), 1e-4);
  EXPECT_LT((guided.variance - with.variance).abs().max().item<double>(), 1e-5);
  EXPECT_GT((with.variance - without.variance).abs().max().item<double>(), 1e-4);
}

TEST(Denoiser, NamesTheLayerThatGivesNan) {
  const c10::NoGradGuard no_grad;
  auto model = test::small_unet();
  for (const auto& [name, value] : model.network().weights().named()) {
    if (name == "middle_block.0.in_layers.2.bias") {
      value.detach().fill_(std::numeric_limits<float>::quiet_NaN());
    }
  }
  const FloatExecutor executor;
  const Denoiser denoiser(model, executor, 1);
  const Ddim sampler({.steps = 4}, model.diffusion());
  ComputeAll compute;
  EXPECT_THAT(
      [&] {
        sample_latents(model, sampler, denoiser, at::arange(2, at::kLong), NoiseSource(0, 0),
                       compute);
      },
      ThrowsMessage<RunError>(AllOf(HasSubstr("middle_block.0.in_layers.2"), HasSubstr("step 0"))));
}

}  // namespace
}  // namespace cq
