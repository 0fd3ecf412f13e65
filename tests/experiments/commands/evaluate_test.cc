#include "cq/experiments/commands/evaluate.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/io/npz.h"
#include "cq/metrics/numerics/moments.h"
#include "tests/experiments/commands/evaluate_fixture.h"
#include "tests/experiments/commands/write_hdf5.h"

namespace cq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class EvaluateFeatures : public test::EvaluateFixture {};

TEST_F(EvaluateFeatures, FeatureFilesGiveTheGoldenValues) {
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

TEST_F(EvaluateFeatures, StatisticsServeFidAlone) {
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

TEST_F(EvaluateFeatures, LogitsAloneGiveTheInceptionScore) {
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

TEST_F(EvaluateFeatures, Hdf5HoldsWhatNpzHolds) {
  test::write_hdf5(folder_ / "f.h5", {{"features", y_}});
  EvaluateOptions options = features({"fid"});
  const auto expected = evaluate(options)["metrics"]["fid"]["value"];
  options.reference = folder_ / "f.h5";
  EXPECT_EQ(evaluate(options)["metrics"]["fid"]["value"], expected);
  const at::Tensor a = pictures(1), b = pictures(2);
  write_npz(folder_ / "a.npz", {{"arr_0", a}});
  test::write_hdf5(folder_ / "b.h5", {{"arr_0", b}});
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

TEST_F(EvaluateFeatures, LogitsKeepThePlainNameWhateverTheNetwork) {
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

TEST_F(EvaluateFeatures, IntervalsStandBesideTheProtocol) {
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

TEST_F(EvaluateFeatures, ExpectationsDecideTheExitCode) {
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
