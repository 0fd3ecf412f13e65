// docs/extending.md shows halves.cc and brightness.cc: they build, they work, and the page holds
// them word for word.
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/files.h"
#include "cq/core/cache.h"
#include "cq/metrics/register.h"

namespace cq {

void add_halves_cache(CacheRegistry& registry);
void register_brightness(MetricRegistry& registry);

namespace {

TEST(Extending, ThePolicyMakesItsSchedule) {
  CacheRegistry registry("cache policy");
  add_halves_cache(registry);
  const auto policy = registry.make("halves", config::Node::dict({{"late", std::int64_t(4)}}));
  EXPECT_THAT(policy->schedule(12, nullptr).recompute, testing::ElementsAre(0, 2, 4, 6, 10));
  policy->schedule(12, nullptr).validate("halves");
}

TEST(Extending, TheMetricCountsAndMerges) {
  MetricRegistry registry("metric");
  register_brightness(registry);
  const auto make = [&] {
    return registry.make("brightness", config::Node::dict(), MetricSource{});
  };
  const auto grey = [](int64_t n, int value) { return at::full({n, 2, 2, 3}, value, at::kByte); };
  const auto one = make(), two = make();
  MetricBatch batch;
  batch.generated.images = grey(3, 100);
  batch.reference.images = grey(3, 90);
  one->add(batch);
  batch.generated.images = grey(1, 50);
  batch.reference.images = grey(1, 80);
  two->add(batch);
  one->merge(*two);
  EXPECT_DOUBLE_EQ(one->result().value, (3 * 10 - 30) / 4.0);
}

TEST(Extending, ThePageShowsTheFiles) {
  const std::filesystem::path root = CQ_SOURCE_DIR;
  const auto page = read_text(root / "docs/extending.md");
  for (const char* file : {"halves.cc", "brightness.cc"}) {
    EXPECT_NE(page.find(read_text(root / "tests/extending" / file)), std::string::npos) << file;
  }
}

}  // namespace
}  // namespace cq
