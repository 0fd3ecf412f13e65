#include "cq/experiments/reports/rows.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/experiments/reports/fake_results.h"

namespace cq::reports {
namespace {

using ::testing::ElementsAre;

Cell cell_of(const testing::FakeCell& fake) {
  Cell cell;
  cell.name = fake.name;
  parse_config(testing::fake_config(fake), "config.json", cell);
  return cell;
}

void add_metric(Cell& cell, double value, std::optional<double> spread = {}) {
  cell.metrics.push_back({"fd_cifar", value, spread, std::nullopt, "{\"samples\":2048}"});
}

std::vector<std::string> labels(const Section& section, const Block& block) {
  std::vector<std::string> out;
  for (const size_t i : block.rows) out.push_back(section.rows[i].label);
  return out;
}

Experiment paper_rows() {
  Experiment experiment;
  // In no particular order: the table has its own.
  for (const testing::FakeCell& fake :
       std::vector<testing::FakeCell>{{"a", "dps", "minmax", "dec"},
                                      {"b", "deepcache", "minmax", "dec"},
                                      {"c", "dps", "minmax", "direct"},
                                      {"d", "dps", "minmax"},
                                      {"e", "uniform", "minmax", "direct"},
                                      {"f", "uniform", "minmax"},
                                      {"g", "none", "minmax"},
                                      {"h", "uniform"},
                                      {"i"},
                                      {"j", "dps", "minmax", "dec", "adaround"},
                                      {"k", "dps"}})
    experiment.cells.push_back(cell_of(fake));
  return experiment;
}

TEST(Rows, ComeInThePapersOrderAndUnknownOnesLast) {
  const Experiment experiment = paper_rows();
  const auto sections = build_sections(experiment);
  ASSERT_EQ(sections.size(), 1u);
  EXPECT_EQ(sections[0].title, "ldm-cifar10, ddim, 100 steps, guidance 2");
  ASSERT_EQ(sections[0].blocks.size(), 1u);
  EXPECT_EQ(sections[0].blocks[0].title(), "N = 10, W8A8");
  EXPECT_THAT(labels(sections[0], sections[0].blocks[0]),
              ElementsAre("full precision", "cache only", "cache only (dps)", "quantization only",
                          "simple combination", "simple + direct", "DPS", "DPS + direct",
                          "DPS + DEC", "DPS + DEC + adaround", "deepcache + minmax + dec"));
}

TEST(Rows, SeedsAreOneRow) {
  Experiment experiment;
  for (const int seed : {2, 0, 1}) {
    Cell cell = cell_of({"s", "dps", "minmax", "dec", "none", 10, 8, seed});
    add_metric(cell, 10.0 + 2 * seed);
    experiment.cells.push_back(cell);
  }
  const auto sections = build_sections(experiment);
  ASSERT_EQ(sections[0].rows.size(), 1u);
  const Aggregate aggregate = metric_over_seeds(sections[0].rows[0], "fd_cifar");
  EXPECT_DOUBLE_EQ(*aggregate.value, 12.0);
  EXPECT_DOUBLE_EQ(*aggregate.spread, 2.0);  // of 10, 12, 14, n - 1
  EXPECT_TRUE(aggregate.over_seeds);
  EXPECT_EQ(sections[0].rows[0].cells[0]->keys.seed, 0);
}

TEST(Rows, OneSeedKeepsTheMetricsOwnSpread) {
  Experiment experiment;
  experiment.cells.push_back(cell_of({"s"}));
  add_metric(experiment.cells[0], 10, 0.25);
  const auto sections = build_sections(experiment);
  const Aggregate aggregate = metric_over_seeds(sections[0].rows[0], "fd_cifar");
  EXPECT_DOUBLE_EQ(*aggregate.spread, 0.25);
  EXPECT_FALSE(aggregate.over_seeds);
}

TEST(Rows, ParametersOfAGroupThatIsOffMakeNoRow) {
  Experiment experiment;
  // A sweep over intervals crosses `cache: none` as well.
  experiment.cells.push_back(cell_of({"a", "none", "none", "none", "none", 10, 8, 0}));
  experiment.cells.push_back(cell_of({"b", "none", "none", "none", "none", 20, 4, 0}));
  EXPECT_EQ(build_sections(experiment)[0].rows.size(), 1u);
}

TEST(Rows, BaselinesStandInEveryBlockTheyServe) {
  Experiment experiment;
  experiment.cells.push_back(cell_of({"full"}));
  for (const int interval : {20, 10}) {
    experiment.cells.push_back(cell_of({"c", "uniform", "none", "none", "none", interval}));
    for (const int bits : {4, 8})
      experiment.cells.push_back(
          cell_of({"q", "uniform", "minmax", "none", "none", interval, bits}));
  }
  const auto section = build_sections(experiment)[0];
  ASSERT_EQ(section.blocks.size(), 4u);
  EXPECT_EQ(section.blocks[0].title(), "N = 10, W4A8");
  EXPECT_EQ(section.blocks[3].title(), "N = 20, W8A8");
  for (const Block& block : section.blocks)
    EXPECT_THAT(labels(section, block),
                ElementsAre("full precision", "cache only", "simple combination"));
}

TEST(Rows, FullPrecisionAloneIsATable) {
  Experiment experiment;
  experiment.cells.push_back(cell_of({"full"}));
  const auto section = build_sections(experiment)[0];
  ASSERT_EQ(section.blocks.size(), 1u);
  EXPECT_EQ(section.blocks[0].title(), "no interval, no bit width");
  EXPECT_THAT(labels(section, section.blocks[0]), ElementsAre("full precision"));
}

TEST(Rows, TwinsAreToldApartByWhatDiffers) {
  Experiment experiment;
  Cell simulated = cell_of({"a", "dps", "minmax", "dec"});
  Json config = simulated.config;
  config["quant"]["execution"] = "integer";
  Cell integer;
  parse_config(config, "config.json", integer);
  experiment.cells = {simulated, integer};
  const auto section = build_sections(experiment)[0];
  EXPECT_THAT(
      labels(section, section.blocks[0]),
      ElementsAre("DPS + DEC (quant.execution=simulated)", "DPS + DEC (quant.execution=integer)"));
}

TEST(Rows, DifferentSamplersAreDifferentSections) {
  Experiment experiment;
  experiment.cells.push_back(cell_of({"a"}));
  Json config = experiment.cells[0].config;
  config["sampler"]["steps"] = 50;
  experiment.cells.emplace_back();
  parse_config(config, "config.json", experiment.cells[1]);
  EXPECT_EQ(build_sections(experiment).size(), 2u);
}

}  // namespace
}  // namespace cq::reports
