#include <algorithm>
#include <functional>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/methods/cache/dps_solver.h"
#include "cq/methods/cache/uniform_schedule.h"

namespace cq {
namespace {

using testing::ElementsAre;

// Integer costs, so that sums are exact and ties are real.
CostTable random_costs(int64_t steps, int64_t width, int highest, std::mt19937& random) {
  CostTable table(steps, width);
  std::uniform_int_distribution<int> cost(0, highest);
  for (int64_t i = 0; i < steps; ++i) {
    for (int64_t t = i + 1; t < std::min(i + table.width(), steps); ++t)
      table.at(i, t) = cost(random);
  }
  return table;
}

struct Best {
  double cost = std::numeric_limits<double>::infinity();
  std::vector<int64_t> recompute;
};

// Every partition into `groups` groups of min..max steps, in lexicographic order of their starts.
Best brute_force(const CostTable& table, int64_t groups, int64_t min, int64_t max) {
  Best best;
  std::vector<int64_t> starts;
  const std::function<void(int64_t, double)> visit = [&](int64_t start, double cost) {
    if (static_cast<int64_t>(starts.size()) == groups) {
      if (start == table.steps() && cost < best.cost) best = {cost, starts};
      return;
    }
    starts.push_back(start);
    for (int64_t end = start + 1; end <= std::min(start + max, table.steps()); ++end) {
      if (end - 1 < start + table.width()) cost += table.at(start, end - 1);
      if (end - start >= min) visit(end, cost);
    }
    starts.pop_back();
  };
  visit(0, 0);
  return best;
}

TEST(Dps, EqualsBruteForce) {
  std::mt19937 random(7);
  int solved = 0, infeasible = 0;
  for (int64_t steps = 1; steps <= 13; ++steps) {
    for (int64_t interval = 1; interval <= steps + 1; ++interval) {
      for (int variant = 0; variant < 12; ++variant) {
        const CostTable table = random_costs(steps, steps, variant < 6 ? 3 : 1000, random);
        DpsBounds bounds;
        if (variant % 3 == 1) bounds.bounded = false;
        if (variant % 3 == 2) {
          bounds.min_group = 1 + static_cast<int64_t>(random() % 3);
          bounds.max_group = *bounds.min_group + static_cast<int64_t>(random() % 5);
        }
        const int64_t min = bounds.bounded ? bounds.min_group.value_or((interval + 1) / 2) : 1;
        const int64_t max = bounds.bounded ? bounds.max_group.value_or(2 * interval) : steps;
        const Best best = brute_force(table, (steps + interval - 1) / interval, min, max);
        if (best.recompute.empty()) {
          EXPECT_THROW(dps_schedule(table, interval, bounds), UsageError);
          ++infeasible;
        } else {
          const Schedule schedule = dps_schedule(table, interval, bounds);
          EXPECT_EQ(schedule.recompute, best.recompute) << steps << " " << interval;
          EXPECT_EQ(schedule_cost(schedule, table), best.cost);
          ++solved;
        }
      }
    }
  }
  EXPECT_GT(solved, 500);
  EXPECT_GT(infeasible, 50);
}

TEST(Dps, NeverCostsMoreThanUniformWhereUniformFits) {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> step_change(0, 1);
  for (int64_t steps : {20, 50, 97, 250}) {
    for (int64_t interval : {2, 3, 5, 7, 10, 20}) {
      const int64_t last = steps - (steps - 1) / interval * interval;
      if (last < (interval + 1) / 2) continue;  // uniform's last group is too short
      CostTable table(steps, 2 * interval);
      for (int64_t i = 0; i < steps; ++i) {
        for (int64_t t = i + 1; t < std::min(steps, i + table.width()); ++t) {
          table.at(i, t) = table.at(i, t - 1) + step_change(random);
        }
      }
      const Schedule dps = dps_schedule(table, interval, {});
      EXPECT_EQ(dps.recompute.size(), uniform_schedule(steps, interval).recompute.size());
      EXPECT_LE(schedule_cost(dps, table), schedule_cost(uniform_schedule(steps, interval), table));
      for (const auto& [start, end] : dps.groups()) {
        EXPECT_GE(end - start, (interval + 1) / 2);
        EXPECT_LE(end - start, 2 * interval);
      }
    }
  }
}

TEST(Dps, CutsWhereFeaturesJump) {
  // Features stand still but for jumps at steps 3 and 8: reuse is free inside 0..2, 3..7, 8..11.
  CostTable table(12, 12);
  const auto level = [](int64_t t) { return t < 3 ? 0.0 : t < 8 ? 1.0 : 5.0; };
  for (int64_t i = 0; i < 12; ++i) {
    for (int64_t t = i; t < 12; ++t) table.at(i, t) = std::abs(level(t) - level(i));
  }
  EXPECT_THAT(dps_schedule(table, 4, {}).recompute, ElementsAre(0, 3, 8));
}

TEST(Dps, TheFirstOfEquallyGoodPartitions) {
  EXPECT_THAT(dps_schedule(CostTable(12, 12), 4, {}).recompute, ElementsAre(0, 2, 4));
  EXPECT_THAT(dps_schedule(CostTable(12, 12), 4, {{}, {}, false}).recompute, ElementsAre(0, 1, 2));
}

TEST(Dps, CountsTheDiagonal) {
  // A feature that costs something even where it is computed (after quantization, for instance).
  CostTable table(4, 4);
  table.at(1, 1) = 5;
  table.at(2, 2) = 1;
  EXPECT_THAT(dps_schedule(table, 2, {}).recompute, ElementsAre(0, 3));
}

std::string refusal(const std::function<void()>& run) {
  try {
    run();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no UsageError";
}

TEST(Dps, InfeasibleBoundsNameStepsIntervalAndBounds) {
  EXPECT_EQ(refusal([] {
              dps_schedule(CostTable(7, 7), 4, {5, 6, true});
            }),
            "[dps] no partition of T=7 steps into K=2 groups of 5..6 steps (interval 4, bounds "
            "given by the user)");
  EXPECT_EQ(refusal([] { dps_schedule(CostTable(7, 7), 20, {}); }),
            "[dps] no partition of T=7 steps into K=1 groups of 10..40 steps (interval 20, default "
            "bounds ceil(N/2)..2N)");
  EXPECT_EQ(
      refusal([] {
        dps_schedule(CostTable(9, 9), 4, {{}, 2, true});
      }),
      "[dps] no partition of T=9 steps into K=3 groups of 2..2 steps (interval 4, upper bound "
      "given by the user)");
  EXPECT_THAT(refusal([] {
                dps_schedule(CostTable(9, 9), 4, {0, {}, true});
              }),
              testing::HasSubstr("1 <= min <= max"));
  EXPECT_THAT(refusal([] {
                dps_schedule(CostTable(9, 9), 4, {3, 2, true});
              }),
              testing::HasSubstr("got 3..2 (T=9 steps, interval 4"));
  EXPECT_THAT(refusal([] {
                dps_schedule(CostTable(9, 9), 4, {3, {}, false});
              }),
              testing::HasSubstr("bounded=false"));
  EXPECT_THAT(refusal([] { dps_schedule(CostTable(9, 9), 0, {}); }), testing::HasSubstr("N=0"));
}

TEST(Dps, ATableTooNarrowForTheBoundsIsRefused) {
  EXPECT_THAT(refusal([] { dps_schedule(CostTable(30, 10), 6, {}); }),
              testing::HasSubstr("groups of up to 12 steps"));
  EXPECT_NO_THROW(dps_schedule(CostTable(30, 10), 5, {}));
}

TEST(Dps, TheLongestGroupMayExceedTheSteps) {
  EXPECT_THAT(dps_schedule(CostTable(6, 6), 3, {1, 1000, true}).recompute, ElementsAre(0, 1));
  EXPECT_THAT(dps_schedule(CostTable(6, 6), 10, {}).recompute, ElementsAre(0));
  EXPECT_NO_THROW(
      dps_schedule(CostTable(6, 6), std::numeric_limits<int64_t>::max(), {1, {}, true}));
}

TEST(Dps, SumsBeyondDoubleStillGiveAPartition) {
  CostTable table(6, 6);
  for (int64_t i = 0; i < 6; ++i) {
    for (int64_t t = i; t < 6; ++t) table.at(i, t) = 1e308;
  }
  EXPECT_EQ(dps_schedule(table, 3, {}).recompute.size(), 2u);
}

}  // namespace
}  // namespace cq
