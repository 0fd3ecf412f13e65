#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/experiments/reports/results.h"
#include "tests/experiments/reports/fake_results.h"

namespace cq::reports {
namespace {

using ::testing::HasSubstr;

class LoadTest : public ::testing::Test {
 protected:
  void write(const char* file, const Json& json) {
    testing::write_json_file(scratch_.path() / "cells/one" / file, json);
  }
  void SetUp() override { write("config.json", testing::fake_config({"one"})); }
  std::string refusal() {
    try {
      load_experiment(scratch_.path());
    } catch (const RunError& error) {
      return error.what();
    }
    return "no RunError";
  }
  testing::ScratchFolder scratch_;
};

TEST_F(LoadTest, ACellWithoutMetricsSaysWhy) {
  EXPECT_EQ(load_experiment(scratch_.path()).cells.at(0).missing, "not computed yet");
  write("error.json", {{"stage", "sample"}, {"error", "disk full"}, {"log", Json::array()}});
  EXPECT_EQ(load_experiment(scratch_.path()).cells.at(0).missing, "failed in sample: disk full");
}

TEST_F(LoadTest, PlannedCellsWithoutAFolderAreNamed) {
  testing::write_json_file(scratch_.path() / "plan.json",
                           {{"cells", {{{"name", "two"}}, {{"name", "one"}}}}});
  const Experiment experiment = load_experiment(scratch_.path());
  EXPECT_THAT(experiment.not_started, ::testing::ElementsAre("two"));
  EXPECT_EQ(experiment.cells.size(), 1u);
}

TEST_F(LoadTest, NullIsNotAValue) {
  write("metrics.json", {{"schema", 1},
                         {"metrics", {{"psnr", nullptr}, {"fid", nullptr}}},
                         {"missing", {{"fid", "no weights"}}}});
  const Cell cell = load_experiment(scratch_.path()).cells.at(0);
  EXPECT_TRUE(cell.metrics.empty());
  EXPECT_THAT(cell.not_finite, ::testing::ElementsAre("psnr", "fid"));
  EXPECT_EQ(cell.left_out.at("fid"), "no weights");
}

TEST_F(LoadTest, DamageIsRefusedWithFileAndKey) {
  write("metrics.json", {{"schema", 2}, {"metrics", Json::object()}});
  EXPECT_THAT(refusal(), HasSubstr("schema 2, this program reads schema 1"));
  write("metrics.json", {{"schema", 1}, {"metrics", {{"fd_cifar", {{"value", "x"}}}}}});
  EXPECT_THAT(refusal(), HasSubstr("metrics.json, fd_cifar: `value`: expected a finite number"));
  write("metrics.json", {{"schema", 1}, {"metrics", {{"fd_cifar", {{"value", 1}}}}}});
  EXPECT_THAT(refusal(), HasSubstr("`protocol`"));
  std::ofstream(scratch_.path() / "cells/one/metrics.json") << "{\"schema\": 1, ";
  EXPECT_THAT(refusal(), HasSubstr("metrics.json"));
}

TEST_F(LoadTest, SchedulesMustCoverTheirSteps) {
  write("schedule.json", {{"steps", 10}, {"groups", {{0, 4}, {5, 10}}}});
  EXPECT_THAT(refusal(), HasSubstr("a group that starts at step 4"));
  write("schedule.json", {{"steps", 10}, {"groups", {{0, 4}, {4, 9}}}});
  EXPECT_THAT(refusal(), HasSubstr("cover steps 0 to 10"));
}

TEST_F(LoadTest, ErrorCurvesHaveOneNumberAStep) {
  write("metrics.json", {{"schema", 1},
                         {"metrics", Json::object()},
                         {"error_per_step", {{"steps", {0, 1, 2}}, {"cache", {0.1, 0.2}}}}});
  EXPECT_THAT(refusal(), HasSubstr("3 numbers, one for each step"));
}

}  // namespace
}  // namespace cq::reports
