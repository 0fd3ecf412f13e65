#include "cq/experiments/reports/published.h"

#include <algorithm>
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/experiments/reports/rows.h"
#include "fake_results.h"

namespace cq::reports {
namespace {

namespace fs = std::filesystem;
using cq::testing::FakeCell;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::StartsWith;

/// Cells of a made-up run of `model`.
class Published : public ::testing::Test {
 protected:
  void add(FakeCell cell, const std::string& model, double bops) {
    cell.name = model + cell.cache + cell.quant + cell.correct + std::to_string(cell.interval);
    cq::testing::write_cell(folder_.path(), cell, {{"schema", 1}, {"metrics", Json::object()}});
    auto config = cq::testing::fake_config(cell);
    config["model"]["name"] = model;
    const auto at = folder_.path() / "cells" / cell.name;
    cq::testing::write_json_file(at / "config.json", config);
    cq::testing::write_json_file(at / "efficiency.json", {{"bops", bops}, {"compression", 4.0}});
  }
  std::vector<PlainTable> tables() {
    ExperimentReport report;
    report.experiment = std::make_unique<const Experiment>(load_experiment(folder_.path()));
    report.sections = build_sections(*report.experiment);
    return published_tables(report);
  }
  static const std::vector<std::string>* row(const PlainTable& table, const std::string& label,
                                             const std::string& setting) {
    const auto at = std::find_if(table.rows.begin(), table.rows.end(), [&](const auto& line) {
      return line[1] == label && line[2] == setting;
    });
    return at == table.rows.end() ? nullptr : &*at;
  }
  cq::testing::ScratchFolder folder_;
};

TEST_F(Published, OursStandBesideThePapers) {
  add({.cache = "dps", .quant = "w8a8", .correct = "dec", .interval = 5}, "ldm4-imagenet",
      1.504e12);
  add({.cache = "deepcache", .interval = 5}, "ldm4-imagenet", 24.063e12);
  const auto all = tables();
  ASSERT_EQ(all.size(), 1);
  const auto* both = row(all[0], "CacheQuant", "N=5 W8A8");
  ASSERT_NE(both, nullptr);
  // Ours and the paper's: BOPs, compression, speed, FID, IS.
  EXPECT_EQ(std::vector<std::string>(both->begin() + 3, both->end()),
            (std::vector<std::string>{"1.50", "1.50", "4.00", "4.00", "—", "7.87", "—", "4.03", "—",
                                      "—"}));
  EXPECT_EQ((*row(all[0], "DeepCache", "N=5"))[3], "24.06");
  EXPECT_EQ((*row(all[0], "EDA-DM", "W8A8"))[3], "—");
}

TEST_F(Published, FiguresThatTheReleasedCodeCannotGiveHaveAFootnote) {
  add({.cache = "dps", .quant = "w8a8", .correct = "dec", .interval = 5}, "sd14", 5.396e12);
  const auto all = tables();
  ASSERT_EQ(all.size(), 1);
  const auto& line = *row(all[0], "CacheQuant", "N=5 W8A8");
  EXPECT_EQ(line[3], "5.40");
  EXPECT_EQ(line[4], "8.44 [1]");
  EXPECT_EQ((*row(all[0], "DeepCache", "N=10"))[4], "133.58 [1]");
  ASSERT_EQ(all[0].notes.size(), 2);
  EXPECT_THAT(all[0].notes[1], AllOf(StartsWith("[1] The released code does not give"),
                                     HasSubstr("51 calls of 50 PLMS steps")));
}

TEST_F(Published, EveryRowOfTheAblationStandsUnderTable5) {
  add({.cache = "deepcache", .interval = 20}, "ldm4-imagenet", 9.607e12);
  add({.cache = "deepcache", .quant = "w8a8", .interval = 20}, "ldm4-imagenet", .6005e12);
  add({.cache = "dps", .quant = "w8a8", .interval = 20}, "ldm4-imagenet", .6005e12);
  add({.cache = "dps", .quant = "w8a8", .correct = "dec", .interval = 20}, "ldm4-imagenet",
      .6005e12);
  const auto all = tables();
  ASSERT_EQ(all.size(), 1);
  // FID and IS of the paper's table; ours are not computed here, only counted.
  const std::vector<std::array<std::string, 4>> paper{
      {"FP32 DeepCache", "N=20", "8.08", "159.27"},
      {"+ direct W8A8 [1]", "N=20 W8A8", "15.36", "121.78"},
      {"+ DPS", "N=20 W8A8", "8.47", "154.07"},
      {"+ DPS + DEC [2]", "N=20 W8A8", "7.21", "160.68"},
      {"+ DPS + DEC + reconstruction", "N=20 W8A8", "6.34", "180.42"}};
  for (const auto& [label, setting, fid, score] : paper) {
    const auto* line = row(all[0], label, setting);
    ASSERT_NE(line, nullptr) << label;
    EXPECT_THAT((*line)[0], HasSubstr("table 5"));
    EXPECT_EQ((*line)[10], fid);
    EXPECT_EQ((*line)[12], score);
    const bool ours = label.find("reconstruction") == std::string::npos;
    EXPECT_EQ((*line)[3] != "—", ours) << label;
  }
  EXPECT_EQ((*row(all[0], "FP32 DeepCache", "N=20"))[3], "9.61");
  EXPECT_THAT(all[0].notes,
              IsSupersetOf({StartsWith("[1] The paper's \"+ direct W8A8\" is the simple"),
                            StartsWith("[2] 0.91 FID better")}));
}

TEST_F(Published, OtherModelsHaveNone) {
  add({.cache = "dps", .quant = "w8a8", .correct = "dec", .interval = 5}, "ldm-cifar10", 1e12);
  EXPECT_TRUE(tables().empty());
}

}  // namespace
}  // namespace cq::reports
