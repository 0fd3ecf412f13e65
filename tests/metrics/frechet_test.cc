#include "cq/metrics/numerics/frechet.h"

#include <cmath>

#include <ATen/ops/diag.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "tests/metrics/golden.h"

namespace cq {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

GaussianRoot stored(const at::Tensor& mean, const at::Tensor& covariance) {
  return gaussian_root(FeatureStatistics{mean, covariance, 0}, "test");
}

TEST(Frechet, ShiftedIdentityIsTheNumberOfDimensions) {
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const at::Tensor identity = at::eye(2048, options);
  const double distance = frechet_distance(stored(at::zeros({2048}, options), identity),
                                           stored(at::ones({2048}, options), identity));
  EXPECT_NEAR(distance, 2048, 2048e-9);
}

TEST(Frechet, DiagonalGaussiansByTheirClosedForm) {
  // sum (m1 - m2)^2 + (s1 - s2)^2, independently in each dimension.
  const at::Tensor s1 = at::arange(1, 51, at::kDouble);
  const at::Tensor s2 = at::arange(1, 51, at::kDouble).flip(0) * 0.3;
  const at::Tensor m1 = at::arange(50, at::kDouble) * 0.1;
  const at::Tensor m2 = m1.square();
  double expected = 0;
  for (int i = 0; i < 50; ++i) {
    const double mean = 0.1 * i - 0.01 * i * i;
    const double deviation = (i + 1) - 0.3 * (50 - i);
    expected += mean * mean + deviation * deviation;
  }
  const double distance =
      frechet_distance(stored(m1, at::diag(s1.square())), stored(m2, at::diag(s2.square())));
  EXPECT_NEAR(distance, expected, 1e-9 * expected);
}

TEST(Frechet, AgreesWithPytorchFid) {
  const auto golden = testing::golden();
  const at::Tensor x = testing::golden_array("x", {300, 24});
  const at::Tensor y = testing::golden_array("y", {280, 24});
  const double expected = golden["fid"];
  EXPECT_NEAR(frechet_distance(gaussian_root(x), gaussian_root(y)), expected, 1e-6 * expected);
  RunningMoments a;
  RunningMoments b;
  a.add(x);
  b.add(y);
  const double from_statistics =
      frechet_distance(gaussian_root(a.statistics(), "x"), gaussian_root(b.statistics(), "y"));
  EXPECT_NEAR(from_statistics, expected, 1e-6 * expected);
}

TEST(Frechet, FewerSamplesThanDimensions) {
  const at::Tensor x = testing::golden_array("x_wide", {20, 64});
  const at::Tensor y = testing::golden_array("y_wide", {30, 64});
  const double expected = testing::golden()["fid_wide"];
  EXPECT_NEAR(frechet_distance(gaussian_root(x), gaussian_root(y)), expected, 1e-9 * expected);
}

TEST(Frechet, IdenticalSetsAreAtZero) {
  for (const int64_t rows : {50, 400}) {
    const at::Tensor x = testing::normal(3, rows, 100) * 100 + 1e4;
    const GaussianRoot root = gaussian_root(x);
    EXPECT_LE(std::abs(frechet_distance(root, gaussian_root(x.clone()))), 1e-8 * root.trace);
  }
}

TEST(Frechet, SingularCovariancesOfManyRows) {
  // 30 dimensions of which 10 vary, 5 never change: Cholesky breaks down here. In an orthonormal
  // basis of the ten, the distance between x and 2x is that of the deviations: trace (2 - 1)^2.
  at::Tensor x = testing::normal(4, 500, 10).mm(testing::normal(5, 10, 25));
  x = at::cat({x, at::ones({500, 5}, at::kDouble)}, 1);
  const at::Tensor centred = x - x.mean(0);
  const GaussianRoot root = gaussian_root(centred);
  const double distance = frechet_distance(root, gaussian_root(centred * 2));
  EXPECT_NEAR(distance, root.trace, 1e-9 * root.trace);
}

TEST(Frechet, SingularStatisticsGiveWhatTheirFeaturesGive) {
  const at::Tensor x = testing::normal(6, 20, 64), y = testing::normal(7, 30, 64) * 1.1;
  const auto of_statistics = [](const at::Tensor& rows) {
    RunningMoments moments;
    moments.add(rows);
    return gaussian_root(moments.statistics(), "test");
  };
  const double expected = frechet_distance(gaussian_root(x), gaussian_root(y));
  EXPECT_NEAR(frechet_distance(of_statistics(x), of_statistics(y)), expected, 1e-11 * expected);
}

TEST(Frechet, OneFeatureAsNumpyWritesIt) {
  // numpy.cov of one column is a number: (1 - 3)^2 + (2 - 5)^2.
  const auto scalar = [](double value) { return at::full({}, value, at::kDouble); };
  const double distance =
      frechet_distance(stored(scalar(1).view({1}), scalar(4)), stored(scalar(3), scalar(25)));
  EXPECT_NEAR(distance, 13, 1e-12);
}

TEST(Frechet, TheOrderOfRowsChangesNoDigit) {
  const at::Tensor x = testing::golden_array("x", {300, 24});
  const at::Tensor y = testing::golden_array("y", {280, 24});
  const double straight = frechet_distance(gaussian_root(x), gaussian_root(y));
  EXPECT_EQ(frechet_distance(gaussian_root(x.flip(0)), gaussian_root(y.flip(0))), straight);
  EXPECT_EQ(frechet_distance(gaussian_root(y), gaussian_root(x)), straight);
}

TEST(Frechet, RefusesBadStatistics) {
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const at::Tensor mean = at::zeros({2}, options);
  at::Tensor sigma = at::eye(2, options);
  sigma[0][1] = 0.5;
  EXPECT_THAT([&] { stored(mean, sigma); }, ThrowsMessage<UsageError>(HasSubstr("not symmetric")));
  sigma[0][1] = 0;
  sigma[1][1] = -1;
  EXPECT_THAT([&] { stored(mean, sigma); },
              ThrowsMessage<UsageError>(HasSubstr("negative variance")));
  sigma[1][1] = 1;
  sigma[0][1] = 2;
  sigma[1][0] = 2;
  EXPECT_THAT([&] { stored(mean, sigma); }, ThrowsMessage<UsageError>(HasSubstr("no covariance")));
  sigma[0][0] = std::nan("");
  EXPECT_THAT([&] { stored(mean, sigma); }, ThrowsMessage<RunError>(HasSubstr("NaN")));
  EXPECT_THROW(stored(at::zeros({3}, options), at::eye(2, options)), UsageError);
  EXPECT_THROW(gaussian_root(at::ones({1, 4})), UsageError);
  EXPECT_THAT(
      [] {
        frechet_distance(gaussian_root(testing::normal(1, 9, 3)),
                         gaussian_root(testing::normal(1, 9, 4)));
      },
      ThrowsMessage<UsageError>(HasSubstr("3 wide")));
}

}  // namespace
}  // namespace cq
