#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/methods/register.h"

namespace cq {
namespace {

using config::Node;
using testing::ElementsAre;

TEST(CachePolicies, EveryOneMakesAValidScheduleFromItsDefaults) {
  const CostTable flat(50, 50);
  EXPECT_EQ(cache_registry().entries().size(), 5u);
  for (const auto& entry : cache_registry().entries()) {
    const auto policy = cache_registry().make(entry.name, Node::dict());
    const Schedule schedule = policy->schedule(50, policy->window() > 0 ? &flat : nullptr);
    EXPECT_NO_THROW(schedule.validate(entry.name)) << entry.name;
    EXPECT_EQ(schedule.steps, 50);
    EXPECT_EQ(schedule.recompute.size() == 50, !policy->caches()) << entry.name;
    EXPECT_FALSE(entry.doc.empty());
  }
}

TEST(CachePolicies, ParametersReachTheSchedule) {
  const auto make = [](const char* name, Node::Dict params) {
    return cache_registry().make(name, Node::dict(std::move(params)));
  };
  EXPECT_THAT(make("uniform", {{"interval", 20}})->schedule(50, nullptr).recompute,
              ElementsAre(0, 20, 40));
  EXPECT_THAT(
      make("deepcache", {{"interval", 10}, {"schedule", "quad"}})->schedule(50, nullptr).recompute,
      ElementsAre(0, 9, 17, 26, 37));
  EXPECT_EQ(make("uniform", {{"branch", 3}})->site().branch, 3);
  EXPECT_EQ(make("dps", {{"interval", 20}})->window(), 40);
  EXPECT_EQ(make("dps", {{"max_group", 7}})->window(), 7);
  EXPECT_EQ(make("dps", {{"bounded", false}})->window(), std::numeric_limits<int64_t>::max());
}

TEST(CachePolicies, RefuseWhatHasNoEffectOrMeaning) {
  const auto refuses = [](const char* name, Node::Dict params) {
    EXPECT_THROW(cache_registry().make(name, Node::dict(std::move(params))), UsageError) << name;
  };
  refuses("deepcache", {{"p", 1.4}});
  refuses("deepcache", {{"schedule", "ldm-quad"}, {"c", 15}});
  refuses("uniform", {{"interval", 0}});
  refuses("uniform", {{"min_group", 2}});
  refuses("uniform", {{"blocks", Node::list({Node(3)})}});
  refuses("uniform", {{"blocks", Node::list({Node(3), Node(3)})}});
  refuses("none", {{"interval", 2}});
  refuses("unifrom", {});
  EXPECT_THROW(cache_registry().make("dps", Node::dict())->schedule(50, nullptr), RunError);
}

}  // namespace
}  // namespace cq
