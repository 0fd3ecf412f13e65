#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/methods/cache/uniform_schedule.h"

namespace cq {
namespace {

using testing::ElementsAre;

TEST(UniformSchedule, RecomputesEveryNth) {
  EXPECT_THAT(uniform_schedule(10, 3).recompute, ElementsAre(0, 3, 6, 9));
  EXPECT_THAT(uniform_schedule(9, 3).recompute, ElementsAre(0, 3, 6));
  EXPECT_THAT(uniform_schedule(3, 1).recompute, ElementsAre(0, 1, 2));
  EXPECT_THAT(uniform_schedule(4, 100).recompute, ElementsAre(0));
}

TEST(UniformSchedule, RefusesWhatIsNoInterval) {
  EXPECT_THROW(uniform_schedule(10, 0), UsageError);
  EXPECT_THROW(uniform_schedule(10, -1), UsageError);
  EXPECT_THROW(uniform_schedule(0, 1), UsageError);
}

}  // namespace
}  // namespace cq
