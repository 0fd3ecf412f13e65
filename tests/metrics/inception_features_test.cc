#include "cq/metrics/inception_features.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/executor.h"
#include "cq/core/image_resize.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/models/inception.h"
#include "tests/core/golden_weights.h"
#include "tests/io/temp_folder.h"

namespace cq {
namespace {

class InceptionNetwork : public ::testing::Test {
 protected:
  InceptionNetwork() : encoder_({}, Weights(InitMode::random, 1)) {
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    for (const auto& [name, value] : encoder_.weights().named()) tensors.emplace_back(name, value);
    write_safetensors(file_, tensors);
  }
  static at::Tensor images() {
    return test::uniform("images", {2, 40, 33, 3}).add(1).mul(127.5).floor().to(at::kByte);
  }
  Features compute(const std::string& resize) const {
    return make_inception_features(file_, resize, at::kCPU)->compute(images());
  }

  InceptionEncoder encoder_;
  test::TempFolder folder_;
  std::filesystem::path file_ = folder_ / "inception.safetensors";
};

TEST_F(InceptionNetwork, GivesTheEncodersOutputsAtEachResize) {
  std::vector<at::Tensor> features;
  for (const auto& resize : inception_resizes()) {
    const auto made = compute(resize);
    const auto expected =
        encoder_.network().forward(resize_for_inception(images(), Inception::size, resize));
    EXPECT_LT(test::difference(made.features, expected.pool3), 1e-6);
    EXPECT_LT(test::difference(made.logits, expected.logits_unbiased), 1e-6);
    EXPECT_LT(test::difference(made.spatial, expected.spatial), 1e-6);
    EXPECT_EQ(made.spatial.size(1), 17 * 17 * 7);
    for (const auto& other : features) EXPECT_FALSE(at::equal(made.features, other)) << resize;
    features.push_back(made.features);
  }
}

TEST_F(InceptionNetwork, RefusesUnknownResizesAndOtherWeights) {
  EXPECT_THAT([&] { compute("bicubic"); }, ::testing::ThrowsMessage<UsageError>(
                                               ::testing::HasSubstr("pytorch-fid, adm, clean")));
  write_safetensors(file_, {{"fc.weight", at::zeros({1008, 2048})}});
  EXPECT_THROW(compute("adm"), RunError);
}

}  // namespace
}  // namespace cq
