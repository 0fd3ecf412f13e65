#include "cq/metrics/cifar_features.h"

#include <csignal>

#include <ATen/ops/randint.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/base/interrupt.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/models/classifier.h"
#include "tests/base/temp_folder.h"

namespace cq {
namespace {

class CifarReference : public ::testing::Test {
 protected:
  CifarReference() {
    const Classifier classifier({.widths = {8, 8}, .classes = 3}, Weights(InitMode::random, 1));
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    for (const auto& [name, value] : classifier.weights().named()) {
      tensors.emplace_back(name, value);
    }
    write_safetensors(folder_ / "weights.safetensors", tensors, {});
    network_ = make_cifar_features(folder_ / "weights.safetensors");
  }
  void TearDown() override { set_interrupt_signal(0); }

  testing::TempFolder folder_;
  std::unique_ptr<FeatureNetwork> network_;
  at::Tensor images_ = at::randint(0, 256, {700, 32, 32, 3}, at::kByte);
};

TEST_F(CifarReference, HoldsMomentsOfAllAndFeaturesOfTheFirst) {
  const auto file = folder_ / "reference.safetensors";
  write_reference(file, *network_, "noise", images_, 600);
  const auto read = read_reference(file, network_->weights_hash());
  const auto features = network_->compute(images_).features.to(at::kDouble);  // [700, 8]
  const auto centred = features - features.mean(0);
  const auto covariance = at::matmul(centred.t(), centred) / 699.0;
  EXPECT_LT((read.statistics->mean - features.mean(0)).abs().max().item<double>(), 1e-6);
  EXPECT_LT((read.statistics->covariance - covariance).abs().max().item<double>(), 1e-6);
  EXPECT_EQ(read.statistics->count, 700);
  ASSERT_EQ(read.features.size(0), 600);
  // Stored in half precision.
  EXPECT_LT((read.features - features.narrow(0, 0, 600)).abs().max().item<double>(),
            1e-3 * features.abs().max().item<double>());
  EXPECT_THROW(read_reference(file, "another"), RunError);
}

TEST_F(CifarReference, EndsAtASignalAndLeavesNoFile) {
  const auto file = folder_ / "reference.safetensors";
  set_interrupt_signal(SIGTERM);
  EXPECT_THROW(write_reference(file, *network_, "noise", images_, 600), Interrupted);
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace cq
