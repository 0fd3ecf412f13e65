#include "cq/core/quant/calibration.h"

#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "cq/core/samplers/ddim.h"
#include "cq/core/samplers/plms.h"
#include "small_models.h"

namespace cq {
namespace {

/// While a trajectory is recorded, its watcher sees at every step what a visit of that step gives.
void expect_watched_equals_visited(const Model& model) {
  const c10::NoGradGuard no_grad;
  const Ddim sampler({.steps = 4}, model.diffusion());
  const auto point = model.network().cache_point(0, {});
  const TrajectoryRequest request{.guidance = 2.0, .samples = 6, .seed = 3, .batch = 4};
  std::vector<std::pair<int64_t, at::Tensor>> seen;
  const auto keep = [&](int64_t step, const at::Tensor& value) {
    seen.emplace_back(step, value.clone());
  };
  const auto runs = record_trajectory(model, sampler, request, {point, keep});
  ASSERT_EQ(seen.size(), 8U);  // 4 steps of a batch of 4, then of one of 2
  for (size_t i = 0; i < seen.size(); ++i) {
    const int64_t step = int64_t(i) % 4;
    const auto batch = i < 4 ? at::arange(0, 4, at::kLong) : at::arange(4, 6, at::kLong);
    PinnedPoint visited(point);
    call_step(model, FloatExecutor(), request.guidance, runs, batch, step, visited);
    EXPECT_EQ(seen[i].first, step);
    EXPECT_TRUE(at::equal(seen[i].second, visited.value())) << "call " << i;
  }
}

TEST(RecordTrajectory, WatchesWhatAVisitGivesInAUNet) {
  expect_watched_equals_visited(test::small_unet());
}

TEST(RecordTrajectory, WatchesWhatAVisitGivesInADiT) {
  expect_watched_equals_visited(test::small_dit());
}

TEST(Calibrate, ScalesCountStepsWherePlmsCallsTwice) {
  const c10::NoGradGuard no_grad;
  const auto model = test::small_dit();
  const Plms sampler({.steps = 4}, model.diffusion());
  const auto runs = record_trajectory(model, sampler, {.samples = 2, .batch = 2});
  EXPECT_EQ(runs.step_of_call, (std::vector<int64_t>{0, 0, 1, 2, 3}));
  const QuantParameters quant{.name = "w8a8", .recompute_samples = 2, .cached_samples = 2};
  const Schedule all{.steps = 5, .recompute = {0, 1, 2, 3, 4}};
  const auto ranges = calibrate_activations(model, 1, runs, quant, all, {});
  for (const auto& [key, table] : ranges) {
    EXPECT_TRUE(at::equal(table[0], table[1])) << key;
  }
}

}  // namespace
}  // namespace cq
