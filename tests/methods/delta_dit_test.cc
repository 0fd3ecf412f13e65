#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/methods/register.h"
#include "tests/core/golden_weights.h"
#include "tests/core/small_models.h"

namespace cq {
namespace {

using Json = nlohmann::ordered_json;
using testing::ElementsAre;

std::unique_ptr<CachePolicy> policy(Json keys) {
  keys["name"] = "delta_dit";
  return cache_registry().make("delta_dit", config::Node::from_json(keys));
}

/// Counts what runs, and computes it.
class Counting : public FloatExecutor {
 public:
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override {
    blocks.push_back(unit.name);
    return FloatExecutor::attention(unit, q, k, v, step);
  }
  mutable std::vector<std::string> blocks;
};

/// Four blocks, six steps, each on an image of its own.
class DeltaDit : public testing::Test {
 protected:
  at::Tensor run(const Executor& executor, PointHandler& points, int64_t step) const {
    return test::call(model_, executor, points, step, uint64_t(step) + 1);
  }
  /// The network at `step` with the difference that the range added at `from`.
  at::Tensor reusing(const std::vector<int64_t>& range, int64_t step, int64_t from) const {
    const auto point = model_.network().cache_point(0, range);
    PinnedPoint keep(point);
    run(executor_, keep, from);
    PinnedPoint reuse(point, keep.value());
    return run(executor_, reuse, step);
  }
  at::Tensor full(int64_t step) const {
    ComputeAll all;
    return run(executor_, all, step);
  }
  ScheduledCache cache(const CachePolicy& p) const {
    return {p.schedule(6, nullptr), point_of(p, model_.network(), 6)};
  }

  c10::NoGradGuard no_grad_;
  FloatExecutor executor_;
  Model model_ = test::small_dit();
};

TEST_F(DeltaDit, ThePapersVariantKeepsTheMiddleHalf) {
  const auto p = policy({{"interval", 2}});
  EXPECT_THAT(p->schedule(6, nullptr).recompute, ElementsAre(0, 2, 4));
  EXPECT_EQ(point_of(*p, model_.network(), 6).name, "blocks.1-2");
  auto kept = cache(*p);
  run(executor_, kept, 0);
  EXPECT_LT(test::difference(run(executor_, kept, 1), reusing({1, 3}, 1, 0)), 1e-6);
}

TEST_F(DeltaDit, TheOriginalSkipsTheLastBlocksEarlyAndTheFirstOnesLate) {
  // T - i > b = 3 for the groups that begin at 0 and 2.
  const auto p =
      policy({{"variant", "original"}, {"interval", 2}, {"skipped", 3}, {"boundary", 3}});
  const Counting counting;
  auto kept = cache(*p);
  for (const int64_t start : {0, 2, 4}) {
    const bool early = 6 - start > 3;
    const auto range = early ? std::vector<int64_t>{1, 4} : std::vector<int64_t>{0, 3};
    EXPECT_LT(test::difference(run(counting, kept, start), full(start)), 1e-6);
    counting.blocks.clear();
    EXPECT_LT(test::difference(run(counting, kept, start + 1), reusing(range, start + 1, start)),
              1e-6);
    EXPECT_THAT(counting.blocks, ElementsAre(early ? "blocks.0.attn" : "blocks.3.attn"));
  }
}

TEST_F(DeltaDit, AGroupKeepsTheStageInWhichItBegins) {
  // Step 3 is late (6 - 3 = 3), its group began early at 2.
  const auto p =
      policy({{"variant", "original"}, {"interval", 2}, {"skipped", 2}, {"boundary", 3}});
  auto kept = cache(*p);
  run(executor_, kept, 2);
  EXPECT_LT(test::difference(run(executor_, kept, 3), reusing({2, 4}, 3, 2)), 1e-6);
}

TEST_F(DeltaDit, TheBoundaryIsHalfOfTheStepsByDefault) {
  const auto late = policy({{"variant", "original"}})->late_site(50);
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->from, 25);
  EXPECT_FALSE(policy(Json::object())->late_site(50).has_value());
}

TEST_F(DeltaDit, RefusesWhatItCannotDo) {
  EXPECT_THROW(policy({{"variant", "original"}, {"blocks", Json::array({1, 2})}}), UsageError);
  EXPECT_THROW(policy({{"blocks", Json::array({1})}}), UsageError);
  EXPECT_THROW(policy({{"variant", "other"}}), UsageError);
  EXPECT_THROW(point_of(*policy({{"variant", "original"}, {"boundary", 7}}), model_.network(), 6),
               UsageError);
  EXPECT_THROW(point_of(*policy({{"variant", "original"}, {"skipped", 5}}), model_.network(), 6),
               UsageError);
  const auto unet = test::small_unet();
  EXPECT_THROW(point_of(*policy({{"variant", "original"}}), unet.network(), 6), UsageError);
}

}  // namespace
}  // namespace cq
