#include "cq/experiments/reports/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/experiments/reports/metric_info.h"
#include "tests/experiments/reports/fake_results.h"

namespace cq::reports {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class TableTest : public ::testing::Test {
 protected:
  void add(const testing::FakeCell& fake, const Json& metrics) {
    Cell cell;
    cell.name = fake.name;
    parse_config(testing::fake_config(fake), "config.json", cell);
    if (metrics.is_string())
      cell.missing = metrics.get<std::string>();
    else
      parse_metrics({{"schema", 1}, {"metrics", metrics}}, "metrics.json", cell);
    experiment_.cells.push_back(std::move(cell));
  }
  /// Full precision at 10 with a noise floor of 0.5.
  void add_full() {
    add({"full"}, {{"fd_cifar", testing::fake_metric(10.0)}});
    experiment_.cells.back().noise["fd_cifar"] = {9.8, 10.3, 2};
  }
  const Table& table() {
    sections_ = build_sections(experiment_);
    table_ = build_table(sections_.at(0));
    return table_;
  }
  const Entry& entry(const std::string& label) {
    for (const TableRow& row : table_.blocks.at(0).rows)
      if (row.row->label == label) return row.entries.at(0);
    throw std::out_of_range(label);
  }
  Experiment experiment_;
  std::vector<Section> sections_;
  Table table_;
};

TEST_F(TableTest, DifferencesBelowTheNoiseFloorAreMarked) {
  add_full();
  add({"q", "none", "minmax"}, {{"fd_cifar", testing::fake_metric(10.4)}});
  add({"s", "uniform", "minmax"}, {{"fd_cifar", testing::fake_metric(12.0)}});
  add({"d", "dps", "minmax"}, {{"fd_cifar", testing::fake_metric(11.6)}});
  add({"x", "dps", "minmax", "dec"}, {{"fd_cifar", testing::fake_metric(10.5)}});
  table();
  EXPECT_TRUE(entry("quantization only").near_full);
  EXPECT_FALSE(entry("quantization only").near_above);
  EXPECT_FALSE(entry("simple combination").near_full);
  EXPECT_FALSE(entry("simple combination").near_above);
  EXPECT_TRUE(entry("DPS").near_above);
  EXPECT_FALSE(entry("DPS + DEC").near_full);  // 0.5 is not below 0.5
  EXPECT_THAT(table_.notes, Contains(HasSubstr("0.50 (9.80 to 10.30, 2 halves)")));
}

TEST_F(TableTest, BestIsAmongTheCombinations) {
  add_full();
  add({"s", "uniform", "minmax"}, {{"fd_cifar", testing::fake_metric(12.0)}});
  add({"d", "dps", "minmax"}, {{"fd_cifar", testing::fake_metric(11.0)}});
  table();
  EXPECT_FALSE(entry("full precision").best);
  EXPECT_FALSE(entry("simple combination").best);
  EXPECT_TRUE(entry("DPS").best);
}

TEST_F(TableTest, DifferentProtocolsAreFlaggedAndNotCompared) {
  add_full();
  add({"s", "uniform", "minmax"}, {{"fd_cifar", testing::fake_metric(12.0)}});
  add({"d", "dps", "minmax"}, {{"fd_cifar", testing::fake_metric(10.1, -1, "cifar10-test")}});
  table();
  EXPECT_NE(entry("DPS").protocol, entry("simple combination").protocol);
  EXPECT_EQ(entry("full precision").protocol, entry("simple combination").protocol);
  EXPECT_FALSE(entry("DPS").near_full);
  EXPECT_FALSE(entry("DPS").best);
  EXPECT_THAT(table_.protocols, Contains(HasSubstr("Warning: FD (cifar)")));
}

TEST_F(TableTest, DashesHaveReasons) {
  add_full();
  add({"s", "uniform", "minmax"}, "failed in sample: NaN");
  add({"d", "dps", "minmax"}, {{"fd_cifar", nullptr}});
  table();
  ASSERT_FALSE(entry("simple combination").value);
  EXPECT_EQ(table_.footnotes.at(entry("simple combination").footnote - 1), "failed in sample: NaN");
  EXPECT_EQ(table_.footnotes.at(entry("DPS").footnote - 1), "not a finite number");
}

TEST_F(TableTest, FewerSeedsThanPlannedAreSaid) {
  add_full();
  add({"s", "dps", "minmax", "dec", "none", 10, 8, 0}, {{"fd_cifar", testing::fake_metric(12.0)}});
  add({"t", "dps", "minmax", "dec", "none", 10, 8, 1}, "failed in sample: NaN");
  table();
  EXPECT_EQ(table_.footnotes.at(entry("DPS + DEC").footnote - 1),
            "1 of 2 seeds; seed 1: failed in sample: NaN");
}

TEST(MetricInfo, TheNetworkStaysInTheTitle) {
  EXPECT_EQ(metric_info("fid").title, "FID");
  EXPECT_EQ(metric_info("fd_cifar").title, "FD (cifar)");
  EXPECT_EQ(metric_info("fd_inf_cifar").title, "FD-inf (cifar)");
  EXPECT_EQ(metric_info("sfd_clip").title, "sFD (clip)");
  EXPECT_EQ(metric_info("kd_cifar").title, "KD (cifar)");
  EXPECT_EQ(metric_info("kd_cifar").higher_is_better, false);
  EXPECT_EQ(metric_info("is_cifar").higher_is_better, true);
  EXPECT_EQ(metric_info("mmd_inception").title, "MMD (inception)");
  EXPECT_EQ(metric_info("clip_score").title, "CLIP score");
}

TEST_F(TableTest, UnknownMetricsAppearUnderTheirOwnName) {
  add({"full"}, {{"sharpness", {{"value", 3.0}, {"better", "higher"}, {"protocol", {{"k", 1}}}}},
                 {"fd_cifar", testing::fake_metric(10.0)}});
  table();
  EXPECT_EQ(table_.columns.at(0).title, "FD (cifar)");
  EXPECT_EQ(table_.columns.at(1).title, "sharpness");
  EXPECT_EQ(table_.columns.at(1).higher_is_better, true);
}

TEST_F(TableTest, ProtocolsOfSeedsShareALine) {
  EXPECT_EQ(protocol_text({R"({"samples":10,"split":1})", R"({"samples":10,"split":2})"}),
            "samples: 10, split: 1 | 2");
}

}  // namespace
}  // namespace cq::reports
