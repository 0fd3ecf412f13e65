#include "cq/experiments/training/draws.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "tests/experiments/training/gpu.h"

namespace cq {
namespace {

class Draws : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!GetParam()) return;
    if (const auto reason = cq::testing::no_gpu(); !reason.empty()) GTEST_SKIP() << reason;
    device_ = at::Device(at::kCUDA, 0);
  }
  at::Tensor numbers(uint64_t seed, int64_t step) const {
    auto generator = step_generator(device_, seed, step);
    return at::cat({draw_uniform({500}, generator), draw_normal({500}, generator)}, 0);
  }
  at::Device device_ = at::kCPU;
};

TEST_P(Draws, DependOnSeedAndStepAlone) {
  const auto first = numbers(3, 10);
  EXPECT_EQ(first.device(), device_);
  EXPECT_FALSE(at::equal(numbers(3, 11), first));
  EXPECT_FALSE(at::equal(numbers(4, 10), first));
  EXPECT_TRUE(at::equal(numbers(3, 10), first));
}

TEST_P(Draws, AreUniformAndNormal) {
  auto generator = step_generator(device_, 1, 1);
  const auto uniform = draw_uniform({100, 100}, generator),
             normal = draw_normal({100, 100}, generator);
  EXPECT_GE(uniform.min().item<float>(), 0);
  EXPECT_LT(uniform.max().item<float>(), 1);
  EXPECT_NEAR(uniform.mean().item<float>(), 0.5, 0.02);
  EXPECT_NEAR(normal.mean().item<float>(), 0, 0.05);
  EXPECT_NEAR(normal.std().item<float>(), 1, 0.05);
}

TEST_P(Draws, ImagesAreGatheredOnTheDevice) {
  const ImageData data{
      at::arange(24, at::kByte).view({2, 3, 2, 2}), at::arange(2, at::kLong), {"a"}};
  const auto there = on_device(data, device_);
  EXPECT_EQ(there.images.device(), device_);
  EXPECT_EQ(there.classes, data.classes);
  const auto picked = indices_on(device_, {1, 0, 1});
  EXPECT_EQ(picked.device(), device_);
  EXPECT_TRUE(at::equal(there.images.index_select(0, picked).cpu(),
                        at::stack({data.images[1], data.images[0], data.images[1]})));
  EXPECT_TRUE(at::equal(there.labels.index_select(0, picked), picked));
}

INSTANTIATE_TEST_SUITE_P(Devices, Draws, ::testing::Bool(),
                         [](const auto& gpu) { return gpu.param ? "Gpu" : "Cpu"; });

}  // namespace
}  // namespace cq
