#include "cq/core/cache.h"

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

namespace cq {
namespace {

at::Tensor value(double v) {
  return at::full({1, 2, 1, 1}, v);
}

double read(ScheduledCache& cache, int64_t step, const Point& point, double computed, int& calls) {
  return cache
      .at(point, step,
          [&] {
            ++calls;
            return value(computed);
          })
      .flatten()[1]
      .item<double>();
}

TEST(ScheduledCache, ReusesWithinAGroup) {
  ScheduledCache cache({.steps = 5, .recompute = {0, 3}}, {.name = "cut.0"});
  int calls = 0;
  EXPECT_EQ(read(cache, 0, "cut.0", 10, calls), 10);
  EXPECT_EQ(read(cache, 1, "cut.0", 11, calls), 10);
  EXPECT_EQ(read(cache, 2, "cut.0", 12, calls), 10);
  EXPECT_EQ(read(cache, 3, "cut.0", 13, calls), 13);
  EXPECT_EQ(read(cache, 4, "cut.0", 14, calls), 13);
  EXPECT_EQ(calls, 2);
}

TEST(ScheduledCache, OtherPointsAreComputed) {
  ScheduledCache cache({.steps = 2, .recompute = {0}}, {.name = "cut.0"});
  int calls = 0;
  read(cache, 0, "cut.0", 1, calls);
  EXPECT_EQ(read(cache, 1, "cut.1", 7, calls), 7);
}

class Rounding : public FeatureKeeper {
 public:
  at::Tensor keep(const at::Tensor& value, int64_t) const override { return at::round(value); }
};

TEST(ScheduledCache, CorrectsByStepAndChannelWhatItsKeeperHolds) {
  const Rounding rounding;
  FeatureCorrection correction{at::tensor({1.0, 1.0, 2.0, 3.0}).view({2, 2}),
                               at::tensor({0.0, 0.0, 5.0, 7.0}).view({2, 2})};
  ScheduledCache cache({.steps = 2, .recompute = {0}}, {.name = "cut.0"}, correction, rounding);
  int calls = 0;
  EXPECT_NEAR(read(cache, 0, "cut.0", 1.4, calls), 1.4, 1e-6);  // used as computed
  EXPECT_EQ(read(cache, 1, "cut.0", 0, calls), 3 * 1 + 7);      // kept as stored
}

}  // namespace
}  // namespace cq
