#include "cq/metrics/numerics/moments.h"

#include <cmath>

#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "tests/metrics/golden.h"

namespace cq {
namespace {

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(RunningMoments, FollowTheDefinitionByHand) {
  // Rows (1, 2), (3, 6), (5, 4): mean (3, 4); deviations (-2,-2), (0,2), (2,0); N-1 = 2.
  RunningMoments moments;
  moments.add(at::arange(1, 7, at::kDouble).view({3, 2}).index_select(0, at::arange(3, at::kLong)));
  const FeatureStatistics by_row = moments.statistics();
  // arange gives (1,2), (3,4), (5,6): covariance 4 everywhere.
  EXPECT_LT(largest_difference(by_row.mean, at::arange(3, 5, at::kDouble)), 1e-15);
  EXPECT_LT(largest_difference(by_row.covariance, at::full({2, 2}, 4.0, at::kDouble)), 1e-15);
  EXPECT_EQ(by_row.count, 3);
}

TEST(RunningMoments, AMeanOfTenThousandKeepsEightDigits) {
  const at::Tensor centred = testing::normal(1, 5000, 40);
  RunningMoments plain;
  plain.add(centred);
  RunningMoments shifted;
  for (const at::Tensor& part : (centred + 1e4).split(37)) shifted.add(part);
  const at::Tensor expected = plain.statistics().covariance;
  EXPECT_LT(largest_difference(shifted.statistics().covariance, expected), 1e-10);
  EXPECT_LT(largest_difference(shifted.statistics().mean, plain.statistics().mean + 1e4), 1e-9);
}

TEST(RunningMoments, ShardsMergeToTheWhole) {
  const at::Tensor rows = testing::normal(2, 1000, 600) * 3 - 7;  // wider than one block of columns
  RunningMoments whole;
  whole.add(rows);
  RunningMoments first;
  RunningMoments second;
  first.add(rows.slice(0, 700, 1000));
  second.add(rows.slice(0, 0, 700));
  first.merge(second);
  first.merge(RunningMoments());
  EXPECT_EQ(first.count(), 1000);
  EXPECT_LT(largest_difference(first.statistics().covariance, whole.statistics().covariance),
            1e-12);
  // Against the definition, without blocks.
  const at::Tensor centred = rows - rows.mean(0);
  EXPECT_LT(largest_difference(whole.statistics().covariance, centred.t().mm(centred) / 999.0),
            1e-12);
}

TEST(RunningMoments, RefusesWhatHasNoCovariance) {
  RunningMoments moments;
  EXPECT_THROW(moments.statistics(), UsageError);
  moments.add(at::ones({1, 3}));
  EXPECT_THROW(moments.statistics(), UsageError);
  EXPECT_THROW(moments.add(at::ones({2, 4})), UsageError);
  EXPECT_THROW(moments.add(at::ones({4})), UsageError);
}

TEST(Settle, KeepsTwelveDigitsOfTheScale) {
  EXPECT_EQ(settle(12.3456789012345, 12.0), 12.3456789012);
  EXPECT_EQ(settle(1.00000000000049, 1.0), 1.0);
  EXPECT_EQ(settle(-1e-14, 1.0), 0.0);
  EXPECT_FALSE(std::signbit(settle(-1e-14, 1.0)));
  EXPECT_EQ(settle(3.5, 0.0), 3.5);
}

}  // namespace
}  // namespace cq
