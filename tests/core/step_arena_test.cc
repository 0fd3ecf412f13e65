#include "cq/core/step_arena.h"

#include <random>

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "cq/core/cache.h"
#include "cq/core/denoiser.h"
#include "cq/core/samplers/ddim.h"
#include "cq/core/step_plan.h"
#include "small_models.h"

namespace cq {
namespace {

StepBlock block(size_t bytes, int64_t born, int64_t dies) {
  return {.bytes = bytes, .born = born, .dies = dies};
}

TEST(StepPlan, BlocksThatDoNotMeetShareMemory) {
  // 0 and 1 live together, 2 takes 0's place while 1 lives, 3 everything's.
  std::vector<StepBlock> blocks{block(128, 0, 2), block(64, 1, 3), block(128, 2, 3),
                                block(192, 3, 4)};
  EXPECT_EQ(place_blocks(blocks, 64), 192U);
  EXPECT_EQ(blocks[3].offset, 0U);
  EXPECT_EQ(blocks[0].offset, blocks[2].offset);
  EXPECT_EQ(blocks[1].offset, 128U);
}

TEST(StepPlan, BlocksAliveTogetherNeverOverlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::vector<StepBlock> blocks;
    size_t most = 0;
    for (int64_t i = 0; i < 200; ++i) {
      const int64_t dies = i + 1 + int64_t(random() % 20);
      blocks.push_back(
          block(1 + random() % 5000, i, random() % 10 == 0 ? StepBlock::kOutlives : dies));
    }
    const size_t needed = place_blocks(blocks, 64);
    for (size_t i = 0; i < blocks.size(); ++i) {
      if (blocks[i].outlives()) continue;
      EXPECT_LE(blocks[i].offset + blocks[i].bytes, needed);
      EXPECT_EQ(blocks[i].offset % 64, 0U);
      size_t alive = blocks[i].bytes;
      for (size_t j = 0; j < blocks.size(); ++j) {
        if (i == j || blocks[j].outlives() || !blocks[i].meets(blocks[j])) continue;
        const bool apart = blocks[i].offset + blocks[i].bytes <= blocks[j].offset ||
                           blocks[j].offset + blocks[j].bytes <= blocks[i].offset;
        EXPECT_TRUE(apart) << i << " and " << j;
        if (blocks[j].born <= blocks[i].born) alive += blocks[j].bytes;
      }
      most = std::max(most, alive);
    }
    EXPECT_GE(needed, most);
    EXPECT_LE(needed, 2 * most + 64 * 200);
  }
}

class StepArenaTest : public ::testing::Test {
 protected:
  StepArenaTest() { StepArena::clear(); }
  c10::NoGradGuard no_grad_;
};

at::Tensor filled(int64_t n, double value) {
  return at::full({n}, value);
}

bool holds(const at::Tensor& x, double value) {
  return x.eq(value).all().item<bool>();
}

TEST_F(StepArenaTest, LaterStepsOfAKindAllocateNothing) {
  for (int step = 0; step < 4; ++step) {
    const auto before = StepArena::counters();
    {
      const StepArena::Scope scope(1);
      const auto a = filled(1000, step), b = filled(1000, step + 1);
      const auto c = filled(3000, step + 2);
      EXPECT_TRUE(holds(a, step) && holds(b, step + 1) && holds(c, step + 2));
    }
    const auto after = StepArena::counters();
    EXPECT_EQ(after.watched > before.watched, step == 0);
    EXPECT_EQ(after.planned > before.planned, step > 0);
    EXPECT_EQ(after.outside, before.outside);
  }
  EXPECT_GE(StepArena::counters().bytes, 20000U);
}

TEST_F(StepArenaTest, WhatOutlivesItsStepKeepsItsValues) {
  at::Tensor kept = filled(500, -1);
  int64_t outside = 0;
  for (int step = 0; step < 6; ++step) {
    const auto before = StepArena::counters().outside;
    const StepArena::Scope scope(2);
    const auto sum = filled(500, 1) + kept;
    EXPECT_TRUE(holds(kept, step - 1));
    kept = sum;
    outside = StepArena::counters().outside - before;
  }
  EXPECT_TRUE(holds(kept, 5));
  EXPECT_EQ(outside, 0);
}

TEST_F(StepArenaTest, ATensorThatLivesLongerThanPlannedIsNotOverwritten) {
  const auto step = [](at::Tensor* keep) {
    const StepArena::Scope scope(3);
    auto a = filled(1000, 1);
    if (keep != nullptr) *keep = a;
    a.reset();
    const auto b = filled(1000, 2);
    EXPECT_TRUE(holds(b, 2));
  };
  step(nullptr);
  step(nullptr);
  at::Tensor kept;
  step(&kept);
  EXPECT_TRUE(holds(kept, 1));
  step(nullptr);  // while it still lives
  EXPECT_TRUE(holds(kept, 1));
  kept.reset();
  const auto before = StepArena::counters();
  step(nullptr);
  step(nullptr);
  EXPECT_EQ(StepArena::counters().outside, before.outside);
}

TEST_F(StepArenaTest, ReleasedMemoryIsTakenAgainByTheSamePlan) {
  const auto step = [] {
    const StepArena::Scope scope(6);
    return holds(filled(100'000, 1) + filled(100'000, 2), 3);
  };
  EXPECT_TRUE(step());
  EXPECT_TRUE(step());
  EXPECT_GE(StepArena::counters().bytes, 400'000U);
  StepArena::release();
  EXPECT_EQ(StepArena::counters().bytes, 0U);
  const auto before = StepArena::counters();
  EXPECT_TRUE(step());
  const auto after = StepArena::counters();
  EXPECT_GT(after.planned, before.planned);
  EXPECT_EQ(after.watched, before.watched);
  EXPECT_EQ(after.outside, before.outside);
}

TEST_F(StepArenaTest, AWatchedStepDoesNotHoldAnothersMemory) {
  const auto step = [](uint64_t kind) {
    const StepArena::Scope scope(kind);
    EXPECT_TRUE(holds(filled(100'000, double(kind)), double(kind)));
    return StepArena::counters().bytes;
  };
  step(7);
  EXPECT_GE(step(7), 400'000U);
  EXPECT_EQ(step(8), 0U);
  EXPECT_GE(step(7), 400'000U);
}

TEST_F(StepArenaTest, AStepOfAnotherShapeIsWatchedAgain) {
  const auto step = [](int64_t n) {
    const StepArena::Scope scope(4);
    const auto a = filled(n, 3), b = filled(2 * n, 4);
    EXPECT_TRUE(holds(a, 3) && holds(b, 4));
  };
  step(100);
  step(100);
  const auto before = StepArena::counters();
  step(5000);
  const auto strayed = StepArena::counters();
  EXPECT_GT(strayed.outside, before.outside);
  step(5000);
  const auto watched = StepArena::counters();
  EXPECT_GT(watched.watched, strayed.watched);
  step(5000);
  EXPECT_EQ(StepArena::counters().outside, watched.outside);
}

// A whole sampler with a cache: only the first full and the first cached step allocate.
TEST_F(StepArenaTest, SamplingAllocatesInFirstStepsOnly) {
  const auto model = test::small_unet();
  const FloatExecutor executor;
  const Ddim sampler({.steps = 8}, model.diffusion());
  const Denoiser denoiser(model, executor, 2.0);
  const auto point = model.network().cache_point(0, {});
  const auto sample = [&] {
    ScheduledCache cache({.steps = 8, .recompute = {0, 3, 5}}, point);
    return sample_latents(model, sampler, denoiser, at::arange(2, at::kLong), NoiseSource(0, 0),
                          cache);
  };
  at::Tensor expected;
  {
    const StepArena::Scope outer(99);  // scopes inside do nothing
    expected = sample().clone();
  }
  EXPECT_TRUE(at::equal(sample(), expected));
  const auto before = StepArena::counters();
  EXPECT_TRUE(at::equal(sample(), expected));
  const auto after = StepArena::counters();
  EXPECT_EQ(after.outside, before.outside);
  EXPECT_EQ(after.watched, before.watched);
  EXPECT_GT(after.planned, before.planned);
}

}  // namespace
}  // namespace cq
