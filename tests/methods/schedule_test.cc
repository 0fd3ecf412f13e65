#include "cq/core/schedule.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/cost_table.h"

namespace cq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const Schedule kExample{10, {0, 4, 5}};

TEST(Schedule, GroupsCoverAllSteps) {
  EXPECT_THAT(kExample.groups(), ElementsAre(Pair(0, 4), Pair(4, 5), Pair(5, 10)));
  EXPECT_THAT((Schedule{3, {0}}.groups()), ElementsAre(Pair(0, 3)));
}

TEST(Schedule, EveryStepUsesTheLastRecomputedOne) {
  const int64_t expected[] = {0, 0, 0, 0, 4, 5, 5, 5, 5, 5};
  for (int64_t t = 0; t < 10; ++t) {
    EXPECT_EQ(kExample.group_start(t), expected[t]);
    EXPECT_EQ(kExample.recomputes(t), t == expected[t]);
  }
  EXPECT_THROW(kExample.group_start(10), UsageError);
  EXPECT_THROW(kExample.group_start(-1), UsageError);
}

TEST(Schedule, ValidateNamesWhatIsWrong) {
  EXPECT_NO_THROW(kExample.validate());
  for (const Schedule& bad :
       {Schedule{0, {0}}, Schedule{5, {}}, Schedule{5, {1, 2}}, Schedule{5, {0, 2, 2}},
        Schedule{5, {0, 3, 2}}, Schedule{5, {0, 5}}}) {
    EXPECT_THROW(bad.validate("x"), UsageError);
  }
  try {
    Schedule{5, {0, 7}}.validate("mine");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("[mine] recomputed step 7 is not one of the 5 steps"));
  }
}

TEST(Schedule, JsonRoundTrip) {
  const auto json = to_json(kExample);
  EXPECT_EQ(json.dump(), R"({"steps":10,"recompute":[0,4,5],"groups":[[0,4],[4,5],[5,10]]})");
  EXPECT_EQ(schedule_from_json(json, "f"), kExample);
}

TEST(Schedule, JsonRefusesDamage) {
  using Json = nlohmann::ordered_json;
  for (const char* text :
       {R"([])", R"({"steps":3})", R"({"steps":3,"recompute":"0"})",
        R"({"steps":3,"recompute":[1]})", R"({"steps":3,"recompute":[0,2],"groups":[[0,3]]})"}) {
    try {
      schedule_from_json(Json::parse(text), "some/file.json");
      ADD_FAILURE() << text;
    } catch (const RunError& error) {
      EXPECT_THAT(error.what(), HasSubstr("some/file.json")) << text;
    }
  }
}

// C[i][t] = 10 i + t above the diagonal, nonsense below it.
std::vector<double> square(int64_t steps) {
  std::vector<double> values;
  for (int64_t i = 0; i < steps; ++i) {
    for (int64_t t = 0; t < steps; ++t) {
      values.push_back(t < i ? std::nan("") : static_cast<double>(10 * i + t));
    }
  }
  return values;
}

TEST(CostTable, ReadsOnlyTheUpperTriangle) {
  const CostTable table = CostTable::from_square(square(4), 4, 3, "c");
  EXPECT_EQ(table.width(), 3);
  EXPECT_EQ(table.at(1, 3), 13);
  const auto back = table.square();
  EXPECT_EQ(back[4 * 2 + 3], 23);
  EXPECT_TRUE(std::isnan(back[3]));      // farther than the width
  EXPECT_TRUE(std::isnan(back[4 * 1]));  // below the diagonal
}

TEST(CostTable, RefusesCostsThatAreNone) {
  for (const double bad : {std::nan(""), -1.0, std::numeric_limits<double>::infinity()}) {
    auto values = square(4);
    values[4 * 1 + 2] = bad;
    EXPECT_THROW(CostTable::from_square(values, 4, 4, "c"), UsageError);
  }
  EXPECT_THROW(CostTable::from_square(square(4), 5, 4, "c"), UsageError);
}

TEST(CostTable, BatchesAdd) {
  CostTable sum = CostTable::from_square(square(4), 4, 4, "c");
  sum.add(sum);
  EXPECT_EQ(sum.at(1, 3), 26);
  EXPECT_THROW(sum.add(CostTable(4, 2)), UsageError);
}

TEST(CostTable, ScheduleCostByHand) {
  const CostTable table = CostTable::from_square(square(5), 5, 5, "c");
  // [0,2): 0 + 1, [2,5): 22 + 23 + 24.
  EXPECT_EQ(schedule_cost(Schedule{5, {0, 2}}, table), 70);
  EXPECT_THROW(schedule_cost(Schedule{4, {0, 2}}, table), UsageError);
  EXPECT_THROW(schedule_cost(Schedule{5, {0}}, CostTable(5, 4)), UsageError);
}

}  // namespace
}  // namespace cq
