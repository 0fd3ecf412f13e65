#include "cq/core/models/dit.h"

#include <map>

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/cache.h"
#include "small_models.h"

namespace cq {
namespace {

class DiTTest : public testing::Test {
 protected:
  c10::NoGradGuard no_grad_;
  Model model_ = test::small_dit();
  FloatExecutor executor_;
};

TEST_F(DiTTest, ThePointOfARangeIsTheDifferenceItAdds) {
  ComputeAll compute;
  const auto full = test::call(model_, executor_, compute);
  const auto point = model_.network().cache_point(0, {1, 3});
  PinnedPoint keep(point);
  EXPECT_TRUE(at::allclose(test::call(model_, executor_, keep), full, 1e-4, 1e-5));
  PinnedPoint reuse(point, keep.value());
  EXPECT_TRUE(at::allclose(test::call(model_, executor_, reuse), full, 1e-4, 1e-5));
  PinnedPoint other(point, keep.value() * 2);
  EXPECT_FALSE(at::allclose(test::call(model_, executor_, other), full, 1e-3, 1e-4));
}

/// Watches every point, and counts them.
struct WatchAll : PointHandler {
  at::Tensor at(const Point& point, int64_t, c10::function_ref<at::Tensor()> compute) override {
    return values[point] = compute();
  }
  std::map<Point, at::Tensor> values;
};

// Gate and residual are fused into the last layer where nothing watches the point.
TEST_F(DiTTest, WatchingAPointChangesNothing) {
  ComputeAll compute;
  WatchAll watch;
  EXPECT_TRUE(
      at::equal(test::call(model_, executor_, compute), test::call(model_, executor_, watch)));
  EXPECT_EQ(watch.values.size(), 8U);  // attention and MLP of four blocks
  EXPECT_FALSE(compute.watches("blocks.0.attn", 0));
  EXPECT_TRUE(watch.watches("blocks.0.attn", 0));
  PinnedPoint pinned(model_.network().cache_point(0, {1, 3}));
  EXPECT_FALSE(pinned.watches("blocks.0.attn", 0));
  EXPECT_TRUE(pinned.watches(model_.network().cache_point(0, {1, 3}).name, 0));
}

TEST_F(DiTTest, TheMiddleHalfIsCachedByDefault) {
  EXPECT_EQ(model_.network().cache_point(0, {}).blocks, (std::pair<int64_t, int64_t>{1, 3}));
}

TEST_F(DiTTest, RangesMustExist) {
  EXPECT_THROW(model_.network().cache_point(0, {2, 9}), UsageError);
  EXPECT_THROW(model_.network().cache_point(1, {}), UsageError);
}

// Rows of the official get_2d_sincos_pos_embed: the first half of the channels runs along the width
// (sin then cos), the second along the height.
TEST_F(DiTTest, PositionsOfTheOfficialCode) {
  const auto e = sincos_positions(3, 8)[0].to(at::kDouble);  // [9, 8]; row 5 is y = 1, x = 2
  const double expected[] = {std::sin(2.0),       std::sin(2.0 / 100), std::cos(2.0),
                             std::cos(2.0 / 100), std::sin(1.0),       std::sin(1.0 / 100),
                             std::cos(1.0),       std::cos(1.0 / 100)};
  for (int64_t i = 0; i < 8; ++i) EXPECT_NEAR(e[5][i].item<double>(), expected[i], 1e-6) << i;
}

}  // namespace
}  // namespace cq
