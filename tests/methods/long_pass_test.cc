// Passes that end at every step in turn, and are taken up again, give what one pass gives.
#include "cq/core/long_pass.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "cq/base/error.h"
#include "cq/core/distances.h"
#include "cq/core/samplers/ddim.h"
#include "cq/methods/correct/dec.h"
#include "cq/methods/correct/direct.h"
#include "tests/core/calibrated.h"
#include "tests/core/small_models.h"

namespace cq {
namespace {

struct Stop {};

/// What `run` leaves at the k-th place where it can be taken up, and nothing where it has fewer.
template <class Run>
NamedTensors left_at(int k, const Run& run) {
  NamedTensors left;
  const PassControl pass{.step_done = [&](const std::function<NamedTensors()>& state) {
    if (!state || --k > 0) return;
    for (auto& [name, tensor] : state()) left[name] = tensor.clone();
    throw Stop();
  }};
  try {
    run(pass);
  } catch (const Stop&) {
    return left;
  }
  return {};
}

void expect_equal(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) EXPECT_TRUE(at::equal(tensor, b.at(name))) << name;
}

/// `run(pass)` gives NamedTensors. Returns at how many places it was ended.
template <class Run>
int expect_taken_up(const Run& run) {
  int all = 0;
  const auto whole = run({.left = {}, .step_done = [&](const auto&) { ++all; }});
  int places = 0;
  for (;; ++places) {
    const auto left = left_at(places + 1, run);
    if (left.empty()) return places;
    int steps = 0;
    expect_equal(run({.left = left, .step_done = [&](const auto&) { ++steps; }}), whole);
    EXPECT_LT(steps, all);
    all = steps;
  }
}

class LongPassTest : public testing::Test {
 protected:
  CorrectionInputs inputs(const PassControl& pass) const {
    return {model_, 2.0, runs_, schedule_, point_, quantized_.get(), pass};
  }
  template <class Method>
  int corrector_is_taken_up() const {
    return expect_taken_up([&](const PassControl& pass) {
      const auto found = Method({}).estimate(inputs(pass));
      auto tensors = tensors_of(found);
      for (const auto& [name, errors] : found.errors) {
        tensors[name] = at::tensor(errors, at::kDouble);
      }
      return tensors;
    });
  }

  c10::NoGradGuard no_grad_;
  Model model_ = test::small_unet();
  Ddim sampler_{{.steps = 4}, model_.diffusion()};
  TrajectoryRequest request_{.guidance = 2.0, .samples = 5, .seed = 3, .batch = 2};
  Trajectory runs_ = record_trajectory(model_, sampler_, request_);
  CachePoint point_ = model_.network().cache_point(0, {});
  Schedule schedule_{.steps = 4, .recompute = {0, 2}};
  QuantParameters quant_{.name = "w8a8", .recompute_samples = 3, .cached_samples = 2};
  std::unique_ptr<SimulatedExecutor> quantized_ = std::make_unique<SimulatedExecutor>(
      model_.network(), quant_, test::calibrate(model_, 2.0, runs_, quant_, schedule_, point_));
};

// With the distances that are added up on the way.
TEST_F(LongPassTest, Trajectories) {
  EXPECT_EQ(
      expect_taken_up([&](const PassControl& pass) {
        DistanceWindow distances({.steps = 4, .window = 3});
        NamedTensors sums;
        for (const auto& [name, tensor] : pass.left) {
          if (name.starts_with("sums.")) sums[name.substr(5)] = tensor;
        }
        if (!sums.empty()) distances.take_up(sums);
        auto with_sums = pass;
        if (pass.step_done) {
          with_sums.step_done = [&](const std::function<NamedTensors()>& state) {
            if (!state) return pass.done();
            pass.done([&] {
              auto all = state();
              for (auto& [name, tensor] : distances.state()) all["sums." + name] = tensor;
              return all;
            });
          };
        }
        const auto add = [&](int64_t step, const at::Tensor& x) { distances.add(step, x); };
        const auto runs = record_trajectory(model_, sampler_, request_, {point_, add}, with_sums);
        return NamedTensors{
            {"x", runs.x},
            {"costs", at::tensor(distances.costs().square(), at::kDouble).nan_to_num()}};
      }),
      3);  // batches of 2, 2 and 1
}

TEST_F(LongPassTest, Calibrations) {
  EXPECT_EQ(expect_taken_up([&](const PassControl& pass) {
              return test::calibrate(model_, 2.0, runs_, quant_, schedule_, point_, pass);
            }),
            4);
}

TEST_F(LongPassTest, WeightRanges) {
  EXPECT_EQ(expect_taken_up([&](const PassControl& pass) {
              return calibrate_weights(model_.network(), quant_, pass);
            }),
            int(model_.network().weights().units().size()));
}

TEST_F(LongPassTest, Corrections) {
  EXPECT_EQ(corrector_is_taken_up<Dec>(), 4);
  EXPECT_EQ(corrector_is_taken_up<Direct>(), 4);
}

TEST_F(LongPassTest, NothingIsLeftWithinABatch) {
  DistanceWindow distances({.steps = 4, .window = 3});
  distances.add(0, at::ones({2, 3}));
  EXPECT_THROW(distances.state(), RunError);
}

}  // namespace
}  // namespace cq
