#include "cq/core/image_resize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/io/npz.h"

namespace cq {
namespace {

constexpr int64_t kSize = 31;

/// Outputs of pytorch-fid's, TensorFlow's, clean-fid's, OpenAI's and CMMD's resizes
/// (golden/generate_resize.py).
class ImageResize : public ::testing::TestWithParam<std::string> {
 protected:
  const Npz golden_ = Npz::open(std::string(CQ_SOURCE_DIR) + "/tests/core/golden/resize.npz");
  at::Tensor images() const { return golden_.tensor(GetParam()); }
  at::Tensor expected(const std::string& variant) const {
    return golden_.tensor(GetParam() + "." + variant);
  }
};

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a - b).abs().max().item<double>();
}

TEST_P(ImageResize, InceptionVariantsEqualTheirOriginals) {
  // One unit in the last place of values near 1, in all but TensorFlow's, which is bit-exact.
  for (const auto& variant : inception_resizes()) {
    const auto made = resize_for_inception(images(), kSize, variant);
    const double tolerance = variant == "adm" ? 0 : 1.2e-7;
    EXPECT_LE(largest_difference(made, expected(variant)), tolerance) << variant;
  }
}

TEST_P(ImageResize, ClipVariantsEqualTheirOriginals) {
  EXPECT_EQ(largest_difference(resize_for_clip(images(), kSize, "clip"), expected("clip")), 0);
  EXPECT_LE(largest_difference(resize_for_clip(images(), kSize, "cmmd"), expected("cmmd")), 2e-7);
}

INSTANTIATE_TEST_SUITE_P(Sets, ImageResize, ::testing::Values("grow", "shrink"),
                         [](const auto& tested) { return tested.param; });

TEST(ImageResizes, VariantsDiffer) {
  const auto images = at::arange(12 * 12 * 3, at::kFloat).remainder(251).to(at::kByte);
  std::vector<at::Tensor> made;
  for (const auto& variant : inception_resizes()) {
    made.push_back(resize_for_inception(images.view({1, 12, 12, 3}), kSize, variant));
    for (size_t i = 0; i + 1 < made.size(); ++i) {
      EXPECT_GT(largest_difference(made[i], made.back()), 0.1);
    }
  }
}

TEST(ImageResizes, UnknownNamesListTheKnown) {
  const auto images = at::zeros({1, 4, 4, 3}, at::kByte);
  EXPECT_THAT(
      [&] { resize_for_inception(images, kSize, "bicubic"); },
      ::testing::ThrowsMessage<UsageError>(::testing::HasSubstr("pytorch-fid, adm, clean")));
  EXPECT_THROW(resize_for_clip(images, kSize, "adm"), UsageError);
}

}  // namespace
}  // namespace cq
