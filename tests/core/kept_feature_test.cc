#include "cq/core/quant/kept_feature.h"

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "cq/core/cache.h"
#include "cq/core/quant/simulated.h"

namespace cq {
namespace {

class KeptFeature : public ::testing::TestWithParam<std::vector<int64_t>> {
 protected:
  const QuantRange range_{0.031, 117};
  at::Tensor value_ = at::randn(GetParam(), at::TensorOptions().dtype(at::kFloat)) * 2;
  int64_t channels_ = value_.dim() == 4 ? value_.size(1) : value_.size(2);
};

TEST_P(KeptFeature, TakesAQuarterOfTheMemory) {
  const auto codes = encode_feature(value_, range_);
  EXPECT_EQ(codes.sizes(), value_.sizes());
  EXPECT_EQ(4 * codes.nbytes(), value_.nbytes());
}

TEST_P(KeptFeature, IsTheSimulatedOne) {
  const auto kept = decode_feature(encode_feature(value_, range_), range_, {}, {});
  const auto expected = fake_quantize(value_, range_, kFeatureBits);
  EXPECT_LT((kept - expected).abs().max().item<double>(), 1e-5);
}

TEST_P(KeptFeature, IsCorrectedByChannelWhenRead) {
  const auto slope = at::randn({channels_}), offset = at::randn({channels_});
  const auto kept = decode_feature(encode_feature(value_, range_), range_, slope, offset);
  const auto expected = apply_affine(fake_quantize(value_, range_, kFeatureBits), slope, offset);
  EXPECT_LT((kept - expected).abs().max().item<double>(), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Shapes, KeptFeature,
                         ::testing::Values(std::vector<int64_t>{2, 5, 3, 4},
                                           std::vector<int64_t>{3, 64, 8, 8},
                                           std::vector<int64_t>{2, 7, 33}));

}  // namespace
}  // namespace cq
