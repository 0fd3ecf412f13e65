#include "cq/core/quant/quantizer.h"

#include <cmath>

#include <ATen/ops/allclose.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"

namespace cq {
namespace {

TEST(RangeOf, ScaleAndZeroPointByHand) {
  const auto range = range_of(-1.0, 3.0, 8);
  EXPECT_DOUBLE_EQ(range.scale, 4.0 / 255);
  EXPECT_EQ(range.zero_point, 64);  // round(1 / (4 / 255)) = round(63.75)
}

TEST(RangeOf, AlwaysHoldsZero) {
  EXPECT_EQ(range_of(2.0, 3.0, 8).zero_point, 0);
  EXPECT_DOUBLE_EQ(range_of(2.0, 3.0, 8).scale, 3.0 / 255);
  EXPECT_EQ(range_of(-3.0, -2.0, 4).zero_point, 15);
}

TEST(FakeQuantize, RoundsToTheGridAndClamps) {
  const QuantRange range{0.5, 2};
  const auto x = at::tensor({-5.0, -0.7, 0.0, 0.3, 0.8, 90.0});
  // Codes 0..15 stand for -1.0, -0.5, ..., 6.5.
  const auto expected = at::tensor({-1.0, -0.5, 0.0, 0.5, 1.0, 6.5});
  EXPECT_TRUE(at::allclose(fake_quantize(x.to(at::kFloat), range, 4), expected.to(at::kFloat)));
}

// One outlier among small values: at 2 bits a clipped range has the lesser error under the power
// 2.4, found here by trying all 40 candidates on the values themselves.
TEST(ValueHistogram, FindsTheRangeOfLeastError) {
  std::vector<double> values;
  for (int i = 0; i < 4000; ++i) values.push_back(double(i % 1000) / 1000);
  values.push_back(4.0);
  const auto x = at::tensor(values);
  double least = 1e300, best = 0;
  for (int i = 0; i < 80; i += 2) {
    const auto range = range_of(0, 4.0 * (1 - i / 100.0), 2);
    const auto error = (x - fake_quantize(x.to(at::kFloat), range, 2)).abs().pow(2.4).mean();
    if (error.item<double>() < least) {
      least = error.item<double>();
      best = range.scale;
    }
  }
  ValueSample sample(x.numel());
  sample.add(x);
  ValueHistogram histogram;
  histogram.add(sample);
  EXPECT_NEAR(histogram.search(2).scale, best, 0.03);
  EXPECT_LT(best, 4.0 / 3);
}

// Of 1,000 values at least 300 are every third; however they come in pieces.
TEST(ValueSample, OfPiecesIsThatOfTheWhole) {
  const auto x = at::randn({1000});
  std::vector<float> expected;
  for (int64_t i = 0; i < 1000; i += 3) expected.push_back(x[i].item<float>());
  for (const int64_t piece : {1, 2, 7, 400, 1000}) {
    ValueSample sample(1000, 300);
    for (const auto& part : x.split(piece)) sample.add(part);
    EXPECT_EQ(sample.values(), expected) << piece;
    EXPECT_EQ(sample.min(), x.min().item<float>()) << piece;
    EXPECT_EQ(sample.max(), x.max().item<float>()) << piece;
  }
}

TEST(ValueSample, RefusesWhatIsNotFinite) {
  ValueSample sample(4);
  sample.add(at::ones({2}));
  EXPECT_THROW(sample.add(at::tensor({1.0, std::nan("")})), RunError);
  EXPECT_THROW(sample.add(at::tensor({1.0, HUGE_VAL})), RunError);
}

TEST(WeightRanges, EachRowHasItsOwn) {
  const auto weight = at::tensor({-1.0, 0.5, 2.0, -0.01, 0.005, 0.02}).view({2, 3}).to(at::kFloat);
  for (const bool symmetric : {false, true}) {
    const auto ranges = search_weight_ranges(weight, 8, symmetric);
    const auto error = (fake_quantize_weight(weight, ranges, 8) - weight).abs();
    EXPECT_LT(error[0].max().item<double>(), 3.0 / 127) << symmetric;
    EXPECT_LT(error[1].max().item<double>(), 0.03 / 127) << symmetric;
  }
}

TEST(WeightRanges, DoNotDependOnTheRowsBeside) {
  const auto weight = at::randn({70, 128, 3, 3});
  const auto ranges = search_weight_ranges(weight, 4, false);
  for (const int64_t row : {0, 27, 28, 29, 69}) {
    const auto alone = search_weight_ranges(weight.narrow(0, row, 1), 4, false);
    EXPECT_EQ(ranges.scale[row].item<float>(), alone.scale[0].item<float>()) << row;
    EXPECT_EQ(ranges.zero_point[row].item<float>(), alone.zero_point[0].item<float>()) << row;
  }
}

}  // namespace
}  // namespace cq
