#include <cstdlib>
#include <map>

#include <c10/core/GradMode.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/experiments/commands/bops_costs.h"
#include "cq/experiments/setup/program_config.h"

namespace cq {
namespace {

using Overrides = std::vector<std::string>;

BopsCosts count(const std::string& model, Overrides overrides = {},
                Counter counter = Counter::thop) {
  setenv("CQ_CONFIGS", CQ_SOURCE_DIR "/configs", 1);
  const c10::NoGradGuard no_grad;
  overrides.insert(overrides.begin(), {"weights=random", "model=" + model});
  return count_costs(compose_program("command", overrides), counter);
}

/// Published figures have three to six digits.
void expect_close(double got, double expected, const std::string& what) {
  EXPECT_NEAR(got, expected, 1e-3 * expected) << what;
}

/// G MACs of a step by kind, measured on the reference modules (hooks on Conv2d and Linear;
/// attention's two products apart).
struct Kinds {
  double conv, linear, attention;
};
struct ModelRow {
  const char* model;
  int64_t parameters;
  Kinds full, cached;
  Overrides cache;
};

const std::vector<ModelRow>& models() {
  static const std::vector<ModelRow> rows{{"ddpm-cifar10",
                                           35746307,
                                           {6.05107, .00288, .16790},
                                           {3.34994, .00079, .03355},
                                           {"cache=deepcache", "cache.branch=2"}},
                                          {"ldm4-imagenet",
                                           400920579,
                                           {72.14491, 27.62490, 4.45735},
                                           {4.42132, .00088, 0},
                                           {"cache=deepcache"}},
                                          {"ldm4-bedroom",
                                           274056163,
                                           {96.00532, .01264, 5.18206},
                                           {6.00965, .00120, 0},
                                           {"cache=deepcache"}},
                                          {"ldm8-church",
                                           294966916,
                                           {18.61249, .02846, 2.28264},
                                           {1.25986, .00103, .40265},
                                           {"cache=deepcache"}},
                                          {"sd14",
                                           859520964,
                                           {221.97305, 116.63753, 63.02614},
                                           {13.09671, 7.59005, 10.93927},
                                           {"cache=deepcache"}},
                                          {"dit-xl-2",
                                           675129632,
                                           {.00472, 114.38884, 4.22786},
                                           {.00472, 57.20128, 2.11393},
                                           {"cache=delta_dit"}}};
  return rows;
}

void expect_kinds(const StepCount& got, const Kinds& expected, const std::string& what) {
  // Small terms are given to five decimals.
  EXPECT_NEAR(double(got.conv) / 1e9, expected.conv, 1e-3 * expected.conv + 5e-6) << what;
  EXPECT_NEAR(double(got.linear) / 1e9, expected.linear, 1e-3 * expected.linear + 5e-6) << what;
  EXPECT_NEAR(double(got.attention) / 1e9, expected.attention, 1e-3 * expected.attention + 5e-6)
      << what;
}

TEST(Bops, LayersOfTheReferenceModules) {
  for (const auto& row : models()) {
    const auto costs = count(row.model, row.cache);
    EXPECT_EQ(costs.parameters, row.parameters) << row.model;
    expect_kinds(costs.count.full, row.full, fmt::format("{} full", row.model));
    expect_kinds(costs.count.cached, row.cached, fmt::format("{} cached", row.model));
  }
}

TEST(Bops, OtherBranches) {
  const std::map<std::string, std::map<int, double>> branches{
      {"sd14", {{1, 57.254}, {2, 98.015}, {3, 132.590}}},
      {"ldm4-imagenet", {{1, 11.519}, {2, 20.126}, {3, 32.546}}},
      {"ldm4-bedroom", {{1, 15.671}, {2, 27.386}}},
      {"ldm8-church", {{1, 3.338}, {2, 5.792}}},
      {"ddpm-cifar10", {{0, 1.28267}, {3, 4.20662}, {5, 5.44014}}}};
  for (const auto& [model, expected] : branches) {
    for (const auto& [branch, macs] : expected) {
      const auto costs = count(model, {"cache=deepcache", fmt::format("cache.branch={}", branch)});
      const auto& step = costs.count.cached;
      expect_close(double(step.conv + step.linear) / 1e9, macs,
                   fmt::format("{} branch {}", model, branch));
    }
  }
}

/// Rows of the paper's tables, in T.
struct BopsRow {
  const char* model;
  Overrides overrides;
  double bops;
};

TEST(Bops, FiguresOfThePaper) {
  const std::vector<BopsRow> rows{
      {"ldm4-imagenet", {}, 102.20},
      {"ldm4-imagenet", {"cache=deepcache", "cache.interval=5"}, 24.063},
      {"ldm4-imagenet", {"quant=w8a8"}, 6.388},
      {"ldm4-imagenet", {"cache=dps", "cache.interval=5", "quant=w8a8"}, 1.504},
      {"dit-xl-2", {"cache=delta_dit"}, 87.885},
      {"dit-xl-2", {"cache=delta_dit", "quant=w8a8"}, 5.493},
      {"sd14", {"cache=deepcache", "cache.interval=5", "quant=w8a8"}, 5.396}};
  for (const auto& row : rows) {
    expect_close(count(row.model, row.overrides).bops / 1e12, row.bops,
                 fmt::format("{} {}", row.model, fmt::join(row.overrides, " ")));
  }
  expect_close(count("sd14", {"cache=deepcache", "cache.interval=5"}).average / 1e9, 84.312,
               "SD v1.4, N=5");
}

TEST(Bops, BkSdmAtSixteenBits) {
  const auto costs = count("bk-sdm-base");
  EXPECT_EQ(costs.parameters, 579384964);
  expect_close(costs.average / 1e9, 223.8115, "G MACs");
  expect_close(costs.average * 16 * 16 / 1e12, 57.30, "T");
}

TEST(Bops, PredictionsForOtherIntervals) {
  const std::map<int, std::pair<double, double>> expected{
      {2, {53.365, 3.335}}, {3, {37.347, 2.334}}, {10, {14.296, .8935}}, {20, {9.607, .6005}}};
  for (const auto& [interval, bops] : expected) {
    const auto n = fmt::format("cache.interval={}", interval);
    expect_close(count("ldm4-imagenet", {"cache=deepcache", n}).bops / 1e12, bops.first, n);
    expect_close(count("ldm4-imagenet", {"cache=dps", n, "quant=w8a8"}).bops / 1e12, bops.second,
                 n + " W8A8");
  }
}

TEST(Bops, PublishedAveragesOfTheOtherCounter) {
  const std::map<int, double> expected{{2, 52.12}, {3, 36.48}, {5, 23.50}, {10, 13.97}, {20, 9.39}};
  for (const auto& [interval, macs] : expected) {
    const auto n = fmt::format("cache.interval={}", interval);
    const auto costs = count("ldm4-imagenet", {"cache=deepcache", n}, Counter::deepcache);
    expect_close(costs.average / 1e9, macs, n);
  }
}

TEST(Bops, SmallerStableDiffusions) {
  EXPECT_EQ(count("bk-sdm-small").parameters, 482346884);
  EXPECT_EQ(count("bk-sdm-tiny").parameters, 323384964);
}

TEST(Bops, Compression) {
  for (const auto& row : models()) {
    EXPECT_NEAR(count(row.model, {"quant=w8a8"}).compression, 4, .03) << row.model;
    const double four = count(row.model, {"quant=w4a8"}).compression;
    EXPECT_GE(four, 7.7) << row.model;
    EXPECT_LE(four, 8.1) << row.model;
  }
}

TEST(Bops, AScheduleNeedsNoTrajectory) {
  const auto costs = count("ldm4-imagenet", {"cache=dps", "cache.interval=20"});
  EXPECT_EQ(costs.steps, 250);
  EXPECT_EQ(costs.recomputed, 13);
}

TEST(Bops, TheStagesOfDeltaDiTSkipTheirBlocks) {
  const auto paper = count("dit-xl-2", {"cache=delta_dit"});
  const auto original = count("dit-xl-2", {"cache=delta_dit", "cache.variant=original"});
  const auto block = double(paper.count.full.linear - paper.count.cached.linear) / 14;
  const double skipped = double(original.count.full.linear - original.count.cached.linear) / 21;
  EXPECT_NEAR(skipped, block, 1e-9 * block);
}

}  // namespace
}  // namespace cq
