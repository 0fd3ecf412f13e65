#pragma once
// Feature files, folders of images, and a network small enough to reckon with.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/io/image.h"
#include "cq/core/io/npy.h"
#include "cq/experiments/commands/evaluate.h"
#include "tests/io/temp_folder.h"
#include "tests/metrics/golden.h"

namespace cq::test {

/// Mean colours as features and as class predictions, the colour of the first pixel as spatial
/// features; counts the images it is shown.
class Colours final : public FeatureNetwork {
 public:
  explicit Colours(int64_t* seen = nullptr) : seen_(seen) {}
  std::string name() const override { return "cifar"; }
  std::string weights_hash() const override { return "0123"; }
  std::string resize() const override { return "none"; }
  bool has_logits() const override { return true; }
  bool has_spatial() const override { return true; }
  bool has_text() const override { return true; }
  int64_t width() const override { return 3; }
  int64_t text_length() const override { return 6; }
  void check_image_size(int64_t height, int64_t width) const override {
    if (height != width) throw UsageError("images are {} x {}, no squares", width, height);
  }
  Features compute(const at::Tensor& images) override {
    if (seen_ != nullptr) *seen_ += images.size(0);
    const at::Tensor mean = images.to(at::kFloat).mean(at::IntArrayRef{1, 2});
    return {mean, mean / 255, images.select(1, 0).select(1, 0).to(at::kFloat)};
  }
  at::Tensor compute_text(const at::Tensor& tokens) override {
    return tokens.narrow(1, 0, 3).to(at::kFloat);
  }

 private:
  int64_t* seen_;
};

class EvaluateFixture : public ::testing::Test {
 protected:
  EvaluateFixture() {
    x_ = cq::testing::golden_array("x", {300, 24});
    y_ = cq::testing::golden_array("y", {280, 24});
    write_npy(folder_ / "x.npy", x_);
    write_npy(folder_ / "y.npy", y_);
  }

  EvaluateOptions features(std::vector<std::string> metrics) const {
    EvaluateOptions options;
    options.features = "none";
    options.generated = folder_ / "x.npy";
    options.reference = folder_ / "y.npy";
    options.metrics = std::move(metrics);
    return options;
  }

  /// `seen`: counts the images that the network is shown.
  EvaluateOptions images(std::vector<std::string> metrics, int64_t* seen = nullptr) const {
    EvaluateOptions options;
    options.metrics = std::move(metrics);
    options.cache = "none";
    options.batch = 7;
    options.make_network = [seen](const FeatureNetworkChoice&) {
      return std::make_unique<Colours>(seen);
    };
    return options;
  }

  /// 20 images 16x16 from one seed.
  static at::Tensor pictures(uint64_t seed) {
    return cq::testing::normal(seed, 20, 16 * 16 * 3)
        .mul(30)
        .add(120)
        .clamp(0, 255)
        .to(at::kByte)
        .view({20, 16, 16, 3});
  }
  std::filesystem::path write_folder(const std::string& name, const at::Tensor& pictures) const {
    std::filesystem::create_directories(folder_ / name);
    for (int64_t i = 0; i < pictures.size(0); ++i) {
      write_png(folder_ / name / (std::to_string(100 + i) + ".png"), pictures[i]);
    }
    return folder_ / name;
  }

  TempFolder folder_;
  at::Tensor x_;
  at::Tensor y_;
};

}  // namespace cq::test
