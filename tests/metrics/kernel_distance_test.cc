#include "cq/metrics/numerics/kernel_distance.h"

#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/metrics/numerics/numpy_random.h"
#include "tests/metrics/golden.h"

namespace cq {
namespace {

TEST(NumpyRandom, DrawsWhatNumpyDraws) {
  const std::vector<int64_t> expected = testing::golden()["permutation_7_of_12"];
  EXPECT_EQ(NumpyRandom(7).permutation(12), expected);
  EXPECT_EQ(NumpyRandom(7).choice(12, 3), std::vector<int64_t>({7, 10, 2}));
}

TEST(KernelDistance, ByHand) {
  // One dimension: x = {0, 1}, y = {2, 3}; k(a, b) = (ab + 1)^3.
  // within x: 1; within y: 7^3 = 343; between: (1 + 1 + 27 + 64) / 4.
  const at::Tensor x = at::arange(0, 2, at::kDouble).view({2, 1});
  const at::Tensor y = at::arange(2, 4, at::kDouble).view({2, 1});
  EXPECT_DOUBLE_EQ(kernel_distance(x, y).value, 1 + 343 - 2 * 93.0 / 4);
}

TEST(KernelDistance, AgreesWithTorchFidelity) {
  const auto golden = testing::golden();
  const at::Tensor x = testing::golden_array("x", {300, 24});
  const at::Tensor y = testing::golden_array("y", {280, 24});
  const double all = golden["kid_all"];
  EXPECT_NEAR(kernel_distance(x, y).value, all, 1e-6 * all);
  const auto& expected = golden["kid_subsets_in_order"];
  const Spread spread = kernel_distance_subsets(x, y, 20, 100, 2020);
  EXPECT_NEAR(spread.mean, expected["mean"].get<double>(), 1e-9);
  EXPECT_NEAR(spread.std, expected["std"].get<double>(), 1e-9);
}

TEST(KernelDistance, BlocksAddUpToTheWhole) {
  // More rows than one block holds, against the definition in one piece.
  const at::Tensor x = testing::normal(1, 2500, 6);
  const at::Tensor y = testing::normal(2, 2100, 6) + 0.1;
  const auto kernel = [](const at::Tensor& a, const at::Tensor& b) {
    return (a.mm(b.t()) / 6.0 + 1.0).pow(3);
  };
  const at::Tensor kxx = kernel(x, x);
  const at::Tensor kyy = kernel(y, y);
  const double expected = ((kxx.sum() - kxx.trace()) / (2500.0 * 2499.0) +
                           (kyy.sum() - kyy.trace()) / (2100.0 * 2099.0) - 2 * kernel(x, y).mean())
                              .item<double>();
  EXPECT_NEAR(kernel_distance(x, y).value, expected, 1e-11);
}

TEST(KernelDistance, SubsetsAloneAndOfTheWholeAreTheSame) {
  // 3 subsets of 30 are cheaper one by one, 2000 of them as parts of all products.
  const at::Tensor x = testing::normal(1, 600, 5);
  const at::Tensor y = testing::normal(2, 530, 5) + 0.1;
  for (const int64_t subsets : {3, 2000}) {
    NumpyRandom random(7);
    std::vector<double> values;
    for (int64_t s = 0; s < subsets; ++s) {
      const auto rows = [&](const at::Tensor& from) {
        const std::vector<int64_t> chosen = random.choice(from.size(0), 30);
        std::vector<at::Tensor> parts;
        for (const int64_t row : chosen) parts.push_back(from[row]);
        return at::stack(parts);
      };
      const at::Tensor a = rows(x);
      values.push_back(kernel_distance(a, rows(y)).value);
    }
    const Spread expected = spread_of(values), made = kernel_distance_subsets(x, y, subsets, 30, 7);
    EXPECT_NEAR(made.mean, expected.mean, 1e-11) << subsets;
    EXPECT_NEAR(made.std, expected.std, 1e-11) << subsets;
  }
}

TEST(KernelDistance, TheErrorIsThatOfManyDraws) {
  std::vector<double> values;
  double claimed = 0;
  for (uint64_t draw = 0; draw < 60; ++draw) {
    const KernelDistance one = kernel_distance(testing::normal(2 * draw + 10, 120, 4) * 1.5 + 0.5,
                                               testing::normal(2 * draw + 11, 90, 4));
    values.push_back(one.value);
    claimed += one.error / 60;
  }
  // The deviation of 60 values is itself known to about 10 %.
  EXPECT_NEAR(claimed, spread_of(values).std, 0.35 * claimed);
}

TEST(KernelDistance, RefusesSubsetsThatDoNotFit) {
  const at::Tensor x = at::ones({10, 3});
  EXPECT_THROW(kernel_distance_subsets(x, x, 5, 11, 0), UsageError);
  EXPECT_THROW(kernel_distance_subsets(x, x, 5, 1, 0), UsageError);
  EXPECT_THROW(kernel_distance(x, at::ones({10, 4})), UsageError);
  EXPECT_THROW(kernel_distance(x, at::ones({1, 3})), UsageError);
}

}  // namespace
}  // namespace cq
