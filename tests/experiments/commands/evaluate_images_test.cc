#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/io/npz.h"
#include "tests/experiments/commands/evaluate_fixture.h"

namespace cq {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class EvaluateImages : public test::EvaluateFixture {};

TEST_F(EvaluateImages, ImagesPassTheNetworkWhateverTheirContainer) {
  const at::Tensor a = pictures(1);
  const at::Tensor b = pictures(2) / 2;
  EvaluateOptions options = images({"fid", "precision", "accuracy"});
  write_npz(folder_ / "a.npz", {{"arr_0", a}, {"arr_1", at::arange(20, at::kLong).remainder(3)}});
  options.generated = folder_ / "a.npz";
  options.reference = write_folder("b", b.to(at::kByte));
  const auto from_npz = evaluate(options)["metrics"];
  EXPECT_FALSE(from_npz.contains("fid"));
  EXPECT_EQ(from_npz["fd_cifar"]["protocol"]["weights_sha256"], "0123");
  EXPECT_GT(from_npz["fd_cifar"]["value"].get<double>(), 0);
  options.metrics = {"fd_cifar"};
  options.generated = write_folder("a", a);
  options.batch = 64;
  const auto from_folder = evaluate(options)["metrics"];
  EXPECT_EQ(from_folder["fd_cifar"]["value"], from_npz["fd_cifar"]["value"]);
}

TEST_F(EvaluateImages, PairsImagesByName) {
  EvaluateOptions options = images({"psnr", "ssim"});
  options.features = "none";
  options.generated = write_folder("a", pictures(1));
  options.reference = write_folder("b", pictures(1));
  const auto metrics = evaluate(options)["metrics"];
  EXPECT_EQ(metrics["psnr"]["value"], 100);
  EXPECT_EQ(metrics["ssim"]["value"], 1);
  std::filesystem::remove(folder_ / "b" / "104.png");
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<UsageError>(HasSubstr("104.png")));
}

TEST_F(EvaluateImages, ReferencesPassTheNetworkOnce) {
  int64_t seen = 0;
  EvaluateOptions options = images({"fid"}, &seen);
  options.cache = (folder_ / "cache").string();
  options.generated = write_folder("a", pictures(1));
  options.reference = write_folder("b", pictures(2));
  const auto first = evaluate(options);
  EXPECT_EQ(seen, 40);
  EXPECT_EQ(evaluate(options), first);
  EXPECT_EQ(seen, 60);
  // Other features than those that were kept are computed and join them.
  options.metrics = {"sfid"};
  evaluate(options);
  EXPECT_EQ(seen, 100);
  options.metrics = {"fid", "sfid"};
  evaluate(options);
  EXPECT_EQ(seen, 120);
  // Other content is computed again.
  write_png(folder_ / "b" / "103.png", pictures(3)[0]);
  EXPECT_NE(evaluate(options), first);
  EXPECT_EQ(seen, 160);
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "cache")) {
    std::filesystem::resize_file(entry, 100);
  }
  evaluate(options);
  EXPECT_EQ(seen, 200);
}

TEST_F(EvaluateImages, BadImagesAreNamedOrCounted) {
  EvaluateOptions options = images({"fid"});
  options.generated = write_folder("a", pictures(1));
  options.reference = write_folder("b", pictures(2));
  test::write_text(folder_ / "a" / "105.png", "no image");
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<RunError>(HasSubstr("105.png")));
  options.skip_bad = true;
  const auto entry = evaluate(options)["metrics"]["fd_cifar"];
  EXPECT_EQ(entry["protocol"]["skipped_images"], 1);
  EXPECT_EQ(entry["protocol"]["samples"], 19);
  write_png(folder_ / "a" / "106.png", at::zeros({8, 16, 3}, at::kByte));
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<UsageError>(HasSubstr("one size")));
  std::filesystem::create_directories(folder_ / "empty");
  options.generated = folder_ / "empty";
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<UsageError>(HasSubstr("no images")));
}

}  // namespace
}  // namespace cq
