#include "cq/metrics/numerics/neighbours.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "tests/metrics/golden.h"

namespace cq {
namespace {

using Side = NeighbourSpace::Side;

struct Counts {
  double precision, recall, density, coverage;
};

double share(const std::vector<uint8_t>& flags) {
  return static_cast<double>(std::count(flags.begin(), flags.end(), 1)) /
         static_cast<double>(flags.size());
}

Counts counts_of(const at::Tensor& reference, const at::Tensor& generated, int64_t k) {
  NeighbourSpace space(reference, generated);
  const auto found = space.membership(space.squared_radii(Side::reference, k),
                                      space.squared_radii(Side::generated, k));
  const auto& balls = found.reference_balls;
  const auto n = static_cast<double>(balls.size());
  return {static_cast<double>(
              std::count_if(balls.begin(), balls.end(), [](int32_t b) { return b > 0; })) /
              n,
          share(found.recalled),
          std::accumulate(balls.begin(), balls.end(), 0.0) / (n * static_cast<double>(k)),
          share(found.covered)};
}

/// The definition over all pairs in float64, distances by differences.
Counts brute_force(const at::Tensor& r, const at::Tensor& g, int64_t k) {
  const auto distances = [](const at::Tensor& a, const at::Tensor& b) {
    return (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(2);
  };
  const auto radii = [&](const at::Tensor& x) {
    return std::get<0>(distances(x, x).sort(1)).select(1, k);  // position 0 is the row itself
  };
  const at::Tensor cross = distances(r, g);
  const at::Tensor in_reference = cross.le(radii(r).unsqueeze(1));
  const at::Tensor in_generated = cross.le(radii(g).unsqueeze(0));
  const auto mean = [](const at::Tensor& x) { return x.to(at::kDouble).mean().item<double>(); };
  return {mean(in_reference.any(0)), mean(in_generated.any(1)),
          mean(in_reference.sum(0)) / static_cast<double>(k), mean(in_reference.any(1))};
}

void expect_equal(const Counts& a, const Counts& b) {
  EXPECT_DOUBLE_EQ(a.precision, b.precision);
  EXPECT_DOUBLE_EQ(a.recall, b.recall);
  EXPECT_DOUBLE_EQ(a.density, b.density);
  EXPECT_DOUBLE_EQ(a.coverage, b.coverage);
}

TEST(Neighbours, AgreeWithPrdc) {
  const auto golden = testing::golden();
  const at::Tensor x = testing::golden_array("x", {300, 24});
  const at::Tensor y = testing::golden_array("y", {280, 24});
  for (const int64_t k : {3, 5}) {
    const auto& expected = golden["prdc_" + std::to_string(k)];
    expect_equal(counts_of(y, x, k), {expected["precision"], expected["recall"],
                                      expected["density"], expected["coverage"]});
  }
}

TEST(Neighbours, AgreeWithBruteForce) {
  for (const int64_t width : {2, 64, 65, 130}) {
    // A common mean far from zero costs float32 products their digits.
    const at::Tensor r = testing::normal(1, 333, width) + 300;
    const at::Tensor g = testing::normal(2, 290, width) * 0.9 + 300.05;
    expect_equal(counts_of(r, g, 3), brute_force(r, g, 3));
    const at::Tensor rf = r.to(at::kFloat);
    const at::Tensor gf = g.to(at::kFloat);
    expect_equal(counts_of(rf, gf, 5), brute_force(rf.to(at::kDouble), gf.to(at::kDouble), 5));
  }
}

TEST(Neighbours, TiesCountAsInside) {
  // Integer grid points: many distances are equal, and many lie on a border exactly.
  const at::Tensor r = (testing::normal(3, 200, 80) * 1.2).round();
  const at::Tensor g = at::cat({r.slice(0, 0, 60), (testing::normal(4, 90, 80) * 1.2).round()});
  expect_equal(counts_of(r, g, 3), brute_force(r, g, 3));
  const Counts same = counts_of(r, r.clone(), 3);
  EXPECT_EQ(same.precision, 1);
  EXPECT_EQ(same.recall, 1);
  EXPECT_EQ(same.coverage, 1);
}

TEST(Neighbours, ByHandOnALine) {
  // Reference 0, 1, 3, 10 with k = 1: radii 1, 1, 2, 7. Generated 2, 20, 20: radii 18, 0, 0.
  const auto line = [](std::vector<double> values) {
    return at::from_blob(values.data(), {static_cast<int64_t>(values.size()), 1},
                         at::TensorOptions().dtype(at::kDouble))
        .clone();
  };
  // 2 lies in the balls of 1 (1 <= 1) and 3 (1 <= 2), not of 10 (8 > 7); 20 in none.
  expect_equal(counts_of(line({0, 1, 3, 10}), line({2, 20, 20}), 1), {1. / 3, 1, 2. / 3, 2. / 4});
}

TEST(Neighbours, RefuseTooFewRowsAndOtherWidths) {
  NeighbourSpace space(testing::normal(1, 4, 2), testing::normal(1, 3, 2));
  EXPECT_NO_THROW(space.squared_radii(Side::reference, 3));
  EXPECT_THROW(space.squared_radii(Side::generated, 3), UsageError);
  EXPECT_THROW(NeighbourSpace(testing::normal(1, 4, 2), testing::normal(1, 4, 3)), UsageError);
}

TEST(Neighbours, MagnitudesWhoseSquaresLeaveFloat32) {
  // Distances only scale: the counts are those of the rows as drawn.
  const at::Tensor r = testing::normal(7, 60, 80), g = testing::normal(8, 50, 80) * 1.1;
  const Counts expected = brute_force(r, g, 3);
  for (const double scale : {0x1p-90, 0x1p70, 0x1p-600, 0x1p600}) {
    SCOPED_TRACE(scale);
    expect_equal(counts_of(r * scale, g * scale, 3), expected);
  }
  // Rows close together beside one far away, which keeps the products' scale.
  const at::Tensor far = at::cat({g * 0x1p-90, at::ones({1, 80}, at::kDouble)});
  const Counts beside = counts_of(r * 0x1p-90, far, 3);
  expect_equal(beside, brute_force(r * 0x1p-90, far, 3));
  EXPECT_GT(beside.precision, 0);
}

}  // namespace
}  // namespace cq
