#include "cq/metrics/numerics/paired.h"

#include <cmath>

#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "tests/metrics/golden.h"

namespace cq {
namespace {

TEST(Paired, AgreesWithScikitImage) {
  const auto golden = testing::golden();
  const at::Tensor a = testing::golden_array("images_a", {4, 40, 36, 3}, at::kByte);
  const at::Tensor b = testing::golden_array("images_b", {4, 40, 36, 3}, at::kByte);
  const at::Tensor error = squared_error(a, b);
  const at::Tensor similarity = structural_similarity(a, b);
  for (int64_t i = 0; i < 4; ++i) {
    const auto at = static_cast<size_t>(i);
    const double psnr = 10 * std::log10(255.0 * 255.0 / error[i].item<double>());
    EXPECT_NEAR(psnr, golden["psnr"][at].get<double>(), 1e-9);
    EXPECT_NEAR(similarity[i].item<double>(), golden["ssim"][at].get<double>(), 1e-9);
  }
}

TEST(Paired, IdenticalImages) {
  const at::Tensor a = testing::golden_array("images_a", {4, 40, 36, 3}, at::kByte);
  EXPECT_EQ(squared_error(a, a).max().item<double>(), 0);
  EXPECT_NEAR(structural_similarity(a, a).min().item<double>(), 1, 1e-12);
}

TEST(Paired, RefusesImagesBelowTheWindow) {
  const at::Tensor small = at::zeros({1, 10, 32, 3}, at::kByte);
  EXPECT_THROW(structural_similarity(small, small), UsageError);
}

}  // namespace
}  // namespace cq
