#include <cmath>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cq/base/error.h"
#include "cq/methods/cache/power_schedule.h"

namespace cq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The schedules printed in DeepCache's own code for T = 50, p = 1.4, c = 15.
TEST(DeepcacheQuad, PublishedSchedules) {
  EXPECT_THAT(deepcache_quad_schedule(50, 5, {1.4, 15}).recompute,
              ElementsAre(0, 5, 9, 13, 17, 21, 26, 31, 37, 43));
  EXPECT_THAT(deepcache_quad_schedule(50, 10, {1.4, 15}).recompute, ElementsAre(0, 9, 17, 26, 37));
  EXPECT_THAT(deepcache_quad_schedule(50, 2, {1.4, 15}).recompute,
              ElementsAre(0, 2, 4, 6, 7, 9, 11, 12, 14, 15, 17, 18, 20, 22, 24, 26, 28, 30, 32, 35,
                          37, 39, 42, 44, 47));
}

TEST(LdmQuad, PublishedSchedule) {
  EXPECT_THAT(ldm_quad_schedule(250, 20, 1.5).recompute,
              ElementsAre(0, 5, 15, 27, 42, 59, 78, 98, 120, 144, 168, 194, 221));
}

TEST(PowerSchedules, EqualNumpys) {
  std::ifstream file(CQ_SOURCE_DIR "/tests/methods/golden/power_schedules.json");
  const auto cases = nlohmann::json::parse(file);
  ASSERT_GT(cases.size(), 800u);
  for (const auto& one : cases) {
    const auto steps = one[1].get<int64_t>();
    const auto interval = one[2].get<int64_t>();
    const auto power = one[3].get<double>();
    const bool centred = one[0] == "deepcache-quad";
    const auto make = [&] {
      return centred ? deepcache_quad_schedule(steps, interval, {power, one[4].get<int64_t>()})
                     : ldm_quad_schedule(steps, interval, power);
    };
    if (one[5].is_null()) {
      EXPECT_THROW(make(), UsageError) << one;
    } else {
      EXPECT_EQ(make().recompute, one[5].get<std::vector<int64_t>>()) << one;
    }
  }
}

TEST(DeepcacheQuad, SaysWhyNoPowerFits) {
  try {
    deepcache_quad_schedule(50, 1, {1.4, 15});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("[deepcache-quad] no power between 1 and p=1.4 gives K=50 "
                                        "groups for T=50 steps (interval 1, centre c=15)"));
  }
}

TEST(PowerSchedules, RefuseParametersOutOfRange) {
  EXPECT_THROW(deepcache_quad_schedule(50, 5, {1.0, 15}), UsageError);
  EXPECT_THROW(deepcache_quad_schedule(50, 5, {1e9, 15}), UsageError);
  EXPECT_THROW(deepcache_quad_schedule(50, 5, {1.4, 51}), UsageError);
  EXPECT_THROW(deepcache_quad_schedule(50, 5, {1.4, -1}), UsageError);
  EXPECT_THROW(deepcache_quad_schedule(50, 0, {1.4, 15}), UsageError);
  EXPECT_THROW(ldm_quad_schedule(50, 5, 0.5), UsageError);
  EXPECT_THROW(ldm_quad_schedule(50, 5, std::nan("")), UsageError);
}

}  // namespace
}  // namespace cq
