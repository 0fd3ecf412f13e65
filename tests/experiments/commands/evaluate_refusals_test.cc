#include <cmath>

#include <ATen/ops/eye.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/io/npz.h"
#include "tests/experiments/commands/evaluate_fixture.h"
#include "tests/experiments/commands/write_hdf5.h"

namespace cq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class EvaluateRefusals : public test::EvaluateFixture {};

TEST_F(EvaluateRefusals, UsageFaultsNameTheFile) {
  const auto refuses = [&](const std::string& file, const at::Tensor& array,
                           const std::string& metric, const std::string& words) {
    write_npy(folder_ / file, array);
    EvaluateOptions options = features({metric});
    options.generated = folder_ / file;
    EXPECT_THAT([&] { evaluate(options); },
                ThrowsMessage<UsageError>(AllOf(HasSubstr(file), HasSubstr(words))));
  };
  refuses("integers.npy", at::ones({5, 24}, at::kLong), "fid", "float type");
  refuses("complex.npy", at::ones({5, 24}, at::kComplexFloat), "fid", "float type");
  refuses("flat.npy", at::ones({5}), "fid", "two-dimensional");
  refuses("wide.npy", testing::normal(1, 30, 25), "fid", "25 and 24 wide");
  refuses("single.npy", testing::normal(1, 1, 24), "fid", "at least 2");
  refuses("few.npy", testing::normal(1, 3, 24), "recall", "at least 4");
  refuses("subset.npy", testing::normal(1, 999, 24), "kid", "at least 1000");
  at::Tensor holes = testing::normal(1, 30, 24);
  holes[3][4] = std::nan("");
  write_npy(folder_ / "holes.npy", holes);
  EvaluateOptions options = features({"fid"});
  options.generated = folder_ / "holes.npy";
  EXPECT_THAT([&] { evaluate(options); },
              ThrowsMessage<RunError>(AllOf(HasSubstr("holes.npy"), HasSubstr("NaN"))));
  options.generated = folder_ / "missing.npy";
  EXPECT_THROW(evaluate(options), UsageError);
  options = features({"fod"});
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<UsageError>(HasSubstr("fid")));
}

TEST_F(EvaluateRefusals, DamagedFilesAreNamed) {
  const auto cut = [&](const char* from, const std::string& to) {
    std::filesystem::copy_file(folder_ / from, folder_ / to);
    std::filesystem::resize_file(folder_ / to, std::filesystem::file_size(folder_ / to) - 50);
    EvaluateOptions options = features({"fid"});
    options.reference = folder_ / to;
    EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<RunError>(HasSubstr(to))) << to;
  };
  cut("y.npy", "cut.npy");
  write_npz(folder_ / "s.npz",
            {{"mu", at::zeros({24}, at::kDouble)}, {"sigma", at::eye(24, at::kDouble)}});
  cut("s.npz", "cut.npz");
  test::write_hdf5(folder_ / "f.h5", {{"features", y_}});
  cut("f.h5", "cut.h5");
  for (const double bad : {std::nan(""), -1.0}) {
    at::Tensor sigma = at::eye(24, at::kDouble);
    sigma[3][3] = bad;
    write_npz(folder_ / "bad.npz", {{"mu", at::zeros({24}, at::kDouble)}, {"sigma", sigma}});
    EvaluateOptions options = features({"fid"});
    options.reference = folder_ / "bad.npz";
    EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<Error>(HasSubstr("bad.npz")));
  }
}

TEST_F(EvaluateRefusals, BadImagesAreFoundBeforeTheNetworkRuns) {
  int64_t seen = 0;
  EvaluateOptions options = images({"fid"}, &seen);
  options.generated = write_folder("a", pictures(1));
  options.reference = write_folder("b", pictures(2));
  write_png(folder_ / "b" / "119.png", at::zeros({8, 16, 3}, at::kByte));
  EXPECT_THAT([&] { evaluate(options); },
              ThrowsMessage<UsageError>(AllOf(HasSubstr("119.png"), HasSubstr("one size"))));
  test::write_text(folder_ / "b" / "119.png", "");
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<RunError>(HasSubstr("119.png")));
  EXPECT_EQ(seen, 0);
  std::filesystem::remove_all(folder_ / "a");
  std::filesystem::create_directories(folder_ / "a");
  test::write_text(folder_ / "a" / "1.png", "no image");
  test::write_text(folder_ / "a" / "2.png", "nor this");
  options.skip_bad = true;
  EXPECT_THAT([&] { evaluate(options); },
              ThrowsMessage<RunError>(HasSubstr("none of the images could be read")));
}

TEST_F(EvaluateRefusals, WhatIsKnownBeforehandStopsBeforeTheNetwork) {
  int64_t seen = 0;
  EvaluateOptions options = images({"fid"}, &seen);
  const auto refuses = [&](const std::string& file, const std::string& words) {
    EXPECT_THAT([&] { evaluate(options); },
                ThrowsMessage<Error>(AllOf(HasSubstr(file), HasSubstr(words))));
    EXPECT_EQ(seen, 0) << words;
  };
  options.generated = write_folder("a", pictures(1));
  options.reference = folder_ / "s.npz";
  options.features = "inception";  // statistics are Inception's
  write_npz(folder_ / "s.npz",
            {{"mu", at::zeros({4}, at::kDouble)}, {"sigma", at::eye(4, at::kDouble)}});
  refuses("s.npz", "4 features, the network 'cifar' has 3");
  at::Tensor sigma = at::eye(3, at::kDouble);
  sigma[0][1] = 1;
  write_npz(folder_ / "s.npz", {{"mu", at::zeros({3}, at::kDouble)}, {"sigma", sigma}});
  refuses("s.npz", "not symmetric");
  options.features = "cifar";
  write_npz(folder_ / "tall.npz", {{"arr_0", pictures(1).slice(1, 0, 8)}});
  options.reference = folder_ / "tall.npz";
  refuses("tall.npz", "16 x 8, no squares");
  write_npz(folder_ / "labels.npz", {{"arr_0", pictures(1)}, {"arr_1", at::ones({20})}});
  options.generated = folder_ / "labels.npz";
  options.metrics = {"accuracy"};
  refuses("labels.npz", "integer labels");
  options.generated = folder_ / "a";
  options.reference = write_folder("b", pictures(2));
  options.metrics = {"fid", "psnr"};
  std::filesystem::rename(folder_ / "b" / "101.png", folder_ / "b" / "other.png");
  refuses("101.png", "no image of that name");
  std::filesystem::rename(folder_ / "b" / "other.png", folder_ / "b" / "101.png");
  options.reference =
      write_folder("small", pictures(2).slice(1, 0, 12).slice(2, 0, 12).contiguous());
  refuses("small", "16x16 and 12x12 pixels");
  options.reference = folder_ / "b";
  options.metrics = {"kid"};
  options.kid_subset_size = "19";
  options.interval_splits = 10;
  refuses("a", "each leaves 18");
  options.metrics = {"fid", "is"};
  options.interval_splits = 0;
  write_npy(folder_ / "l.npy", at::ones({20, 3}, at::kLong));
  options.logits = folder_ / "l.npy";
  refuses("l.npy", "logits must be of a float type");
  write_npy(folder_ / "l.npy", at::ones({20}));
  refuses("l.npy", "logits must be two-dimensional");
}

TEST_F(EvaluateRefusals, FilesThatNothingReadsAreRefused) {
  EvaluateOptions options = features({"fid"});
  write_npy(folder_ / "l.npy", testing::golden_array("logits", {203, 10}));
  options.logits = folder_ / "l.npy";
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<UsageError>(HasSubstr("logits")));
  options = features({"fid"});
  options.weights = folder_ / "x.npy";
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<UsageError>(HasSubstr("--weights")));
  options = features({"lpips"});
  EXPECT_THROW(evaluate(options), UsageError);
}

}  // namespace
}  // namespace cq
