#include "cq/core/quant/simulated.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calibrated.h"
#include "cq/base/error.h"
#include "cq/core/samplers/ddim.h"
#include "small_models.h"

namespace cq {
namespace {

class SimulatedTest : public testing::Test {
 protected:
  Calibration calibrated(const QuantParameters& quant, const Schedule& schedule) {
    const auto point = model_.network().cache_point(0, {});
    return test::calibrate(model_, 1.0, runs_, quant, schedule, point);
  }
  double relative_error(const at::Tensor& a, const at::Tensor& b) {
    return ((a - b).norm() / b.norm()).item<double>();
  }

  c10::NoGradGuard no_grad_;
  Model model_ = test::small_unet();
  Ddim sampler_{{.steps = 4}, model_.diffusion()};
  Trajectory runs_ = record_trajectory(model_, sampler_, {.samples = 6, .batch = 4});
  Schedule every_{.steps = 4, .recompute = {0, 1, 2, 3}};
  QuantParameters w8a8_{.name = "w8a8", .recompute_samples = 6, .cached_samples = 3};
  ComputeAll compute_;
};

TEST_F(SimulatedTest, TrajectoriesAreWhatTheSamplerVisits) {
  EXPECT_EQ(runs_.timesteps, sampler_.timesteps());
  // The batch does not matter beyond rounding.
  const auto other = record_trajectory(model_, sampler_, {.samples = 6, .batch = 6});
  EXPECT_TRUE(at::allclose(runs_.x, other.x, 1e-3, 1e-4));
}

TEST_F(SimulatedTest, MoreBitsComeNearer) {
  const auto all = at::arange(6, at::kLong);
  const auto exact = call_step(model_, FloatExecutor(), 1.0, runs_, all, 1, compute_);
  double last = 1e9;
  for (const int64_t bits : {4, 6, 8}) {
    auto quant = w8a8_;
    quant.weight_bits = quant.act_bits = quant.softmax_bits = bits;
    const SimulatedExecutor executor(model_.network(), quant, calibrated(quant, every_));
    const double error =
        relative_error(call_step(model_, executor, 1.0, runs_, all, 1, compute_), exact);
    EXPECT_LT(error, last / 2) << bits;
    last = error;
  }
  EXPECT_LT(last, 0.05);
}

TEST_F(SimulatedTest, EveryProductHasARangeForEachStepAndSide) {
  const auto ranges = calibrated(w8a8_, every_);
  for (const auto& unit : model_.network().weights().units()) {
    for (int64_t side = 0; side < sides(unit); ++side) {
      ASSERT_TRUE(ranges.contains(act_key(unit, side))) << unit.name;
      EXPECT_TRUE(ranges.at(act_key(unit, side)).select(1, 0).gt(0).all().item<bool>());
      EXPECT_EQ(ranges.at(weight_key(unit, side)).size(1), unit.out_channels());
    }
  }
  auto missing = ranges;
  missing.erase(act_key(model_.network().weights().units()[3], 0));
  EXPECT_THROW(SimulatedExecutor(model_.network(), w8a8_, missing), RunError);
}

TEST_F(SimulatedTest, TheFeatureIsKeptInEightBits) {
  const auto point = model_.network().cache_point(0, {});
  const auto ranges = calibrated(w8a8_, {.steps = 4, .recompute = {0, 2}});
  const SimulatedExecutor executor(model_.network(), w8a8_, ranges);
  PinnedPoint keep(point);
  const auto all = at::arange(6, at::kLong);
  call_step(model_, FloatExecutor(), 1.0, runs_, all, 2, keep);
  const auto kept = executor.keep(keep.value(), 2);
  const double scale = ranges.at("feature")[2][0].item<double>();
  // Everything inside the range is off by half a step at most.
  const auto error = (kept - keep.value()).abs();
  EXPECT_LT(error.median().item<double>(), scale / 2 + 1e-6);
  const auto codes = kept / scale;
  EXPECT_TRUE(at::allclose(codes, codes.round(), 0, 1e-3));
  EXPECT_LE(codes.max().item<double>() - codes.min().item<double>(), 255.5);
}

TEST_F(SimulatedTest, CorrectionsGoToTheSideOfTheCache) {
  const auto point = model_.network().cache_point(0, {});
  const auto ranges = calibrated(w8a8_, every_);
  const SimulatedExecutor plain(model_.network(), w8a8_, ranges);
  Corrections corrections;
  for (const auto id : point.consumers) {
    const int64_t outputs = model_.network().weights().units()[size_t(id)].out_channels();
    corrections.outputs[id] = {at::full({4, outputs}, 2.0), at::full({4, outputs}, 0.5)};
  }
  const SimulatedExecutor corrected(model_.network(), w8a8_, ranges, corrections);
  const auto& unit = model_.network().weights().units()[size_t(point.consumers.front())];
  const auto x = at::randn({1, unit.seam, 8, 8}),
             skip = at::randn({1, unit.in_channels() - unit.seam, 8, 8});
  const UnitInput in{.x = x, .skip = skip};
  const auto side = plain.side_product(unit, side_input(unit, unit_prologue(unit, in), 0), 0, 0);
  EXPECT_TRUE(
      at::allclose(corrected.run(unit, in, 0), plain.run(unit, in, 0) + side + 0.5, 1e-3, 1e-4));
}

TEST(DrawRuns, AreDistinctSortedAndRepeatable) {
  const auto drawn = draw_runs(10, 4, 3);
  EXPECT_TRUE(at::equal(drawn, draw_runs(10, 4, 3)));
  for (int64_t i = 1; i < 4; ++i) EXPECT_GT(drawn[i].item<int64_t>(), drawn[i - 1].item<int64_t>());
  EXPECT_THROW(draw_runs(3, 4, 0), UsageError);
}

}  // namespace
}  // namespace cq
