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
