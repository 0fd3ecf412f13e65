#include "cq/experiments/commands/evaluate.h"

#include <cmath>

#include <ATen/ops/eye.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/io/hdf5_file.h"
#include "cq/core/io/image.h"
#include "cq/core/io/npy.h"
#include "cq/core/io/npz.h"
#include "cq/core/text/clip_tokenizer.h"
#include "cq/metrics/numerics/moments.h"
#include "tests/io/temp_folder.h"
#include "tests/metrics/golden.h"

namespace cq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

void write_hdf5(const std::filesystem::path& path,
                const std::vector<std::pair<std::string, at::Tensor>>& arrays) {
  const auto guard = hdf5::lock();
  const hdf5::Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                          H5Fclose);
  for (const auto& [name, array] : arrays) {
    hdf5::write_dataset(file.get(), "/" + name, array, path);
  }
}

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

class Evaluate : public ::testing::Test {
 protected:
  Evaluate() {
    x_ = testing::golden_array("x", {300, 24});
    y_ = testing::golden_array("y", {280, 24});
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

  EvaluateOptions images(std::vector<std::string> metrics) const {
    EvaluateOptions options;
    options.metrics = std::move(metrics);
    options.cache = "none";
    options.batch = 7;
    options.make_network = [](const FeatureNetworkChoice&) { return std::make_unique<Colours>(); };
    return options;
  }

  /// 20 images 16x16 from one seed.
  static at::Tensor pictures(uint64_t seed) {
    return testing::normal(seed, 20, 16 * 16 * 3)
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

  test::TempFolder folder_;
  at::Tensor x_;
  at::Tensor y_;
};

TEST_F(Evaluate, FeatureFilesGiveTheGoldenValues) {
  const auto golden = testing::golden();
  EvaluateOptions options = features({"fid", "kid", "precision", "recall", "density", "coverage"});
  options.kid_subset_size = "all";
  const auto metrics = evaluate(options)["metrics"];
  EXPECT_EQ(metrics.size(), 6u);
  const auto near = [&](const char* name, double expected) {
    EXPECT_NEAR(metrics[name]["value"].get<double>(), expected, 1e-6 * std::abs(expected)) << name;
  };
  near("fid", golden["fid"]);
  near("kid", golden["kid_all"]);
  near("precision", golden["prdc_3"]["precision"]);
  near("recall", golden["prdc_3"]["recall"]);
  near("density", golden["prdc_5"]["density"]);
  near("coverage", golden["prdc_5"]["coverage"]);
  EXPECT_EQ(metrics["fid"]["protocol"]["network"], "none");
  EXPECT_EQ(metrics["fid"]["protocol"]["samples"], 300);
  EXPECT_EQ(metrics["fid"]["protocol"]["reference"], "y.npy");
  EXPECT_EQ(metrics["kid"]["protocol"]["subset_size"], "all");
}

TEST_F(Evaluate, StatisticsServeFidAlone) {
  RunningMoments moments;
  moments.add(y_);
  const FeatureStatistics statistics = moments.statistics();
  write_npz(folder_ / "y.npz", {{"mu", statistics.mean}, {"sigma", statistics.covariance}});
  EvaluateOptions options = features({"fid"});
  options.reference = folder_ / "y.npz";
  const double expected = testing::golden()["fid"];
  EXPECT_NEAR(evaluate(options)["metrics"]["fid"]["value"].get<double>(), expected,
              1e-6 * expected);
  options.metrics = {"fid", "precision"};
  EXPECT_THAT([&] { evaluate(options); },
              ThrowsMessage<UsageError>(AllOf(HasSubstr("precision"), HasSubstr("y.npz"))));
}

TEST_F(Evaluate, LogitsAloneGiveTheInceptionScore) {
  write_npy(folder_ / "l.npy", testing::golden_array("logits", {203, 10}));
  EvaluateOptions options;
  options.features = "none";
  options.logits = folder_ / "l.npy";
  options.metrics = {"is"};
  options.is_shuffle = "none";
  const auto golden = testing::golden();
  auto entry = evaluate(options)["metrics"]["is"];
  EXPECT_NEAR(entry["value"].get<double>(), golden["is_none"]["mean"].get<double>(), 1e-6);
  EXPECT_NEAR(entry["std"].get<double>(), golden["is_none"]["std"].get<double>(), 1e-6);
  options.is_shuffle = "2020";
  entry = evaluate(options)["metrics"]["is"];
  EXPECT_NEAR(entry["value"].get<double>(), golden["is_2020"]["mean"].get<double>(), 1e-6);
  options.is_splits = 204;
  EXPECT_THROW(evaluate(options), UsageError);
  options.is_shuffle = "often";
  EXPECT_THROW(evaluate(options), UsageError);
}

TEST_F(Evaluate, UsageFaultsNameTheFile) {
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

TEST_F(Evaluate, ImagesPassTheNetworkWhateverTheirContainer) {
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

TEST_F(Evaluate, PairsImagesByName) {
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

TEST_F(Evaluate, BadImagesAreNamedOrCounted) {
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

TEST_F(Evaluate, BadImagesAreFoundBeforeTheNetworkRuns) {
  EvaluateOptions options = images({"fid"});
  int64_t seen = 0;
  options.make_network = [&](const FeatureNetworkChoice&) {
    return std::make_unique<Colours>(&seen);
  };
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

TEST_F(Evaluate, DamagedFilesAreNamed) {
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
  write_hdf5(folder_ / "f.h5", {{"features", y_}});
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

TEST_F(Evaluate, Hdf5HoldsWhatNpzHolds) {
  write_hdf5(folder_ / "f.h5", {{"features", y_}});
  EvaluateOptions options = features({"fid"});
  const auto expected = evaluate(options)["metrics"]["fid"]["value"];
  options.reference = folder_ / "f.h5";
  EXPECT_EQ(evaluate(options)["metrics"]["fid"]["value"], expected);
  const at::Tensor a = pictures(1), b = pictures(2);
  write_npz(folder_ / "a.npz", {{"arr_0", a}});
  write_hdf5(folder_ / "b.h5", {{"arr_0", b}});
  write_npz(folder_ / "b.npz", {{"arr_0", b}}, /*compressed=*/true);
  options = images({"fid", "sfid"});
  options.generated = folder_ / "a.npz";
  options.reference = folder_ / "b.npz";
  const auto from_npz = evaluate(options)["metrics"];
  options.reference = folder_ / "b.h5";
  const auto from_hdf5 = evaluate(options)["metrics"];
  EXPECT_EQ(from_hdf5["fd_cifar"]["value"], from_npz["fd_cifar"]["value"]);
  EXPECT_EQ(from_hdf5["sfd_cifar"]["value"], from_npz["sfd_cifar"]["value"]);
}

TEST_F(Evaluate, ReferencesPassTheNetworkOnce) {
  EvaluateOptions options = images({"fid"});
  int64_t seen = 0;
  options.make_network = [&](const FeatureNetworkChoice&) {
    return std::make_unique<Colours>(&seen);
  };
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

TEST_F(Evaluate, TextsPairWithImages) {
  EvaluateOptions options = features({"clip_score"});
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<UsageError>(HasSubstr("--prompts")));
  options.prompts = folder_ / "x.npy";
  EXPECT_NEAR(evaluate(options)["metrics"]["clip_score"]["value"].get<double>(), 100, 1e-9);
  options.prompts = folder_ / "y.npy";
  EXPECT_THAT([&] { evaluate(options); },
              ThrowsMessage<UsageError>(AllOf(HasSubstr("y.npy"), HasSubstr("280 texts"))));
  options = images({"clip_score"});
  options.features = "clip";
  options.generated = write_folder("a", pictures(1));
  write_npy(folder_ / "t.npy", at::ones({20, 5}, at::kLong));
  options.prompts = folder_ / "t.npy";
  // Grey on the whole, whatever the colour's brightness.
  EXPECT_GT(evaluate(options)["metrics"]["clip_score"]["value"].get<double>(), 99);
  options.metrics = {"psnr"};
  options.reference = folder_ / "a";
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<UsageError>(HasSubstr("prompts")));
}

TEST_F(Evaluate, TextsAreTokenized) {
  const std::filesystem::path folder = std::string(CQ_SOURCE_DIR) + "/models/clip-tokenizer";
  EvaluateOptions options = images({"clip_score"});
  options.features = "clip";
  options.find_tokenizer = [&] { return folder; };
  int64_t seen = 0;
  options.make_network = [&](const FeatureNetworkChoice&) {
    return std::make_unique<Colours>(&seen);
  };
  options.generated = write_folder("a", pictures(1));
  const ClipTokenizer tokenizer(folder);
  std::string lines;
  at::Tensor tokens = at::empty({20, 6}, at::kLong);
  for (int64_t i = 0; i < 20; ++i) {
    const std::string text = fmt::format("a photo of {} dogs, and of a cat that is asleep", i);
    lines += text + "\n";
    const std::vector<int64_t> row = tokenizer.context(text, 6);
    std::copy(row.begin(), row.end(), tokens[i].data_ptr<int64_t>());
  }
  test::write_text(folder_ / "t.txt", lines);
  write_npy(folder_ / "t.npy", tokens);
  options.prompts = folder_ / "t.npy";
  const auto of_tokens = evaluate(options)["metrics"]["clip_score"];
  options.prompts = folder_ / "t.txt";
  const auto of_texts = evaluate(options)["metrics"]["clip_score"];
  EXPECT_EQ(of_texts["value"], of_tokens["value"]);
  EXPECT_EQ(of_texts["protocol"]["prompts"], "t.txt");
  EXPECT_EQ(of_texts["protocol"]["prompts_sha256"].get<std::string>().size(), 64u);
  EXPECT_EQ(seen, 40);
  // An image that cannot be read takes its text with it; too few texts stop before the network.
  test::write_text(folder_ / "a" / "103.png", "no image");
  options.skip_bad = true;
  EXPECT_EQ(evaluate(options)["metrics"]["clip_score"]["protocol"]["samples"], 19);
  EXPECT_EQ(seen, 59);
  test::write_text(folder_ / "t.txt", "one\ntwo\n");
  EXPECT_THAT([&] { evaluate(options); },
              ThrowsMessage<UsageError>(AllOf(HasSubstr("t.txt"), HasSubstr("2 texts"))));
  options.features = "none";
  EXPECT_THAT([&] { evaluate(options); }, ThrowsMessage<UsageError>(HasSubstr("features")));
  EXPECT_EQ(seen, 59);
}

TEST_F(Evaluate, WhatIsKnownBeforehandStopsBeforeTheNetwork) {
  EvaluateOptions options = images({"fid"});
  int64_t seen = 0;
  options.make_network = [&](const FeatureNetworkChoice&) {
    return std::make_unique<Colours>(&seen);
  };
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

TEST_F(Evaluate, FilesThatNothingReadsAreRefused) {
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

TEST_F(Evaluate, LogitsKeepThePlainNameWhateverTheNetwork) {
  write_npy(folder_ / "l.npy", testing::golden_array("logits", {203, 10}));
  EvaluateOptions options = images({"is"});
  options.logits = folder_ / "l.npy";
  options.expect = {"is>1"};
  const auto metrics = evaluate(options)["metrics"];
  EXPECT_TRUE(metrics.contains("is"));
  EXPECT_EQ(metrics["is"]["protocol"]["network"], "none");
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(evaluate_command(options), 0);
  ::testing::internal::GetCapturedStdout();
}

TEST_F(Evaluate, IntervalsStandBesideTheProtocol) {
  EvaluateOptions options = features({"fid", "kid", "precision", "cmmd"});
  options.kid_subset_size = "100";
  options.interval_splits = 5;
  for (const auto& [name, entry] : evaluate(options)["metrics"].items()) {
    EXPECT_LT(entry["interval"]["low"], entry["value"]) << name;
    EXPECT_GT(entry["interval"]["high"], entry["value"]) << name;
    EXPECT_GT(entry["std"], 0) << name;
    EXPECT_FALSE(entry["protocol"].contains("interval"));
  }
  options = images({"psnr", "ssim"});
  options.interval_splits = 5;
  options.generated = write_folder("a", pictures(1));
  options.reference = write_folder("b", pictures(2));
  for (const auto& [name, entry] : evaluate(options)["metrics"].items()) {
    EXPECT_LT(entry["interval"]["low"], entry["value"]) << name;
  }
}

TEST_F(Evaluate, ExpectationsDecideTheExitCode) {
  EvaluateOptions options = features({"fid"});
  options.common.json = true;
  options.expect = {"fid<=19.1", "fid>19"};
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(evaluate_command(options), 0);
  const auto document = nlohmann::json::parse(::testing::internal::GetCapturedStdout());
  EXPECT_EQ(document["metrics"].size(), 1u);
  options.expect = {"fid<=19"};
  ::testing::internal::CaptureStdout();
  EXPECT_THROW(evaluate_command(options), CheckError);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr("\"fid\""));
  for (const char* bad : {"kid<=1", "fid=1", "fid<=", "<=1", "fid<=x"}) {
    options.expect = {bad};
    EXPECT_THROW(evaluate_command(options), UsageError) << bad;
  }
}

}  // namespace
}  // namespace cq
