#include "cq/core/correction.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

namespace cq {
namespace {

// Least squares of y = (1, 3, 2, 6) on x = (0, 1, 2, 3): slope 7/5, offset 9/10; residuals
// 0.1, 0.7, -1.7, 0.9 have squares of 4.2 over 50 of y.
TEST(AffineSums, LineByHand) {
  AffineSums sums;
  sums.add(at::tensor({0.0, 1.0}).view({2, 1}), at::tensor({1.0, 3.0}).view({2, 1}));
  sums.add(at::tensor({2.0, 3.0}).view({2, 1}), at::tensor({2.0, 6.0}).view({2, 1}));
  const auto line = sums.least_squares();
  EXPECT_NEAR(line.slope.item<double>(), 1.4, 1e-12);
  EXPECT_NEAR(line.offset.item<double>(), 0.9, 1e-12);
  EXPECT_NEAR(sums.relative_error(line), 4.2 / 50, 1e-12);
  EXPECT_NEAR(sums.relative_error(), (1.0 + 4.0 + 0.0 + 9.0) / 50, 1e-12);
  // Biased covariance over unbiased variance: 3/4 of the slope.
  EXPECT_NEAR(sums.least_squares(true).slope.item<double>(), 1.4 * 0.75, 1e-12);
}

TEST(AffineSums, MomentsMatch) {
  const auto x = at::randn({50, 3, 4, 4}, at::kDouble), y = at::randn({50, 3, 4, 4}, at::kDouble);
  AffineSums sums;
  sums.add(x, y * 2 + 5);
  const auto line = sums.match_moments();
  const auto corrected = apply_affine(x, line.slope, line.offset);
  const auto std_of = [](const at::Tensor& v) { return v.transpose(0, 1).flatten(1).std(1); };
  const auto mean_of = [](const at::Tensor& v) { return v.mean({0, 2, 3}); };
  EXPECT_TRUE(at::allclose(mean_of(corrected), mean_of(y * 2 + 5)));
  EXPECT_TRUE(at::allclose(std_of(corrected), std_of(y * 2 + 5)));
}

TEST(AffineSums, ChannelsAreApartForImagesAndTokens) {
  const auto slopes = at::tensor({0.5, -2.0, 3.0}), offsets = at::tensor({1.0, 0.0, -1.0});
  for (const bool tokens : {false, true}) {
    const auto x =
        tokens ? at::randn({8, 16, 3}, at::kDouble) : at::randn({8, 3, 4, 4}, at::kDouble);
    AffineSums sums;
    sums.add(x, apply_affine(x, slopes.to(at::kDouble), offsets.to(at::kDouble)));
    const auto line = sums.least_squares();
    EXPECT_TRUE(at::allclose(line.slope, slopes.to(at::kDouble))) << tokens;
    EXPECT_TRUE(at::allclose(line.offset, offsets.to(at::kDouble))) << tokens;
    EXPECT_LT(sums.relative_error(line), 1e-12) << tokens;
  }
}

TEST(AffineSums, ConstantChannelKeepsItsSlope) {
  AffineSums sums;
  sums.add(at::full({4, 1}, 2.0, at::kDouble), at::full({4, 1}, 5.0, at::kDouble));
  const auto line = sums.least_squares();
  EXPECT_EQ(line.slope.item<double>(), 1);
  EXPECT_EQ(line.offset.item<double>(), 3);
}

}  // namespace
}  // namespace cq
