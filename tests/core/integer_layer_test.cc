// Random layers in integers against the same sums in float64, where they are exact.
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "cq/core/quant/integer_input.h"
#include "cq/core/quant/integer_product.h"
#include "random_layers.h"

namespace cq {
namespace {

class IntegerLayerTest : public testing::TestWithParam<const ProductEngine*> {
 protected:
  test::RandomLayers layers_;
  c10::NoGradGuard no_grad_;
};

TEST_P(IntegerLayerTest, CodesAreThoseOfSimulatedQuantization) {
  test::CodeCount count;
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    const auto l = layers_.draw();
    count.add(l, quantize_input(l.unit, dense_input(l.in), l.sides));
  }
  EXPECT_LT(double(count.differing), 1e-3 * double(count.all)) << count.differing;
}

TEST_P(IntegerLayerTest, ProductsAreExact) {
  for (int round = 0; round < 120; ++round) {
    const auto l = layers_.draw();
    const auto& unit = l.unit;
    const auto in = dense_input(l.in);
    const auto codes = quantize_input(unit, in, l.sides);
    HugeMemory memory;
    std::vector<PackedWeight> weights;
    std::vector<ProductSide> sides;
    weights.reserve(2);
    for (size_t i = 0; i < codes.size(); ++i) {
      const auto w = side_weight(unit, int64_t(i));
      weights.push_back(pack_weight(*GetParam(), unit.name,
                                    quantize_weight(w, l.weights[i], l.bits), l.weights[i], l.bits,
                                    unit.conv.groups, memory));
      sides.push_back({&weights.back(), &codes[i], l.sides[i].range});
    }
    test::OutputCorrection correction;
    if (round % 2 == 0) {
      correction = {at::randn({unit.out_channels()}), at::randn({unit.out_channels()})};
      sides[0].slope = correction.slope.data_ptr<float>();
      sides[0].offset = correction.offset.data_ptr<float>();
    }
    const auto expected = test::exact_result(l, codes, correction);
    const auto made = integer_product(*GetParam(), sides, {&unit, &in, in.x.dim()});
    ASSERT_EQ(made.sizes(), expected.sizes());
    const double error = (made - expected).abs().max().item<double>();
    EXPECT_LT(error, 3e-5 * (1 + expected.abs().max().item<double>())) << "round " << round;
  }
}

std::vector<const ProductEngine*> engines() {
  std::vector<const ProductEngine*> all{&wide_product_engine()};
  if (&product_engine() != all.front()) all.push_back(&product_engine());
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, IntegerLayerTest, testing::ValuesIn(engines()),
                         [](const auto& tested) { return tested.index == 0 ? "Wide" : "Bytes"; });

}  // namespace
}  // namespace cq
