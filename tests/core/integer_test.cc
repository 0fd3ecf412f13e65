// Networks in integers beside the simulated ones.
#include "cq/core/quant/integer.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "calibrated.h"
#include "cq/base/error.h"
#include "cq/core/samplers/ddim.h"
#include "small_models.h"

namespace cq {
namespace {

/// Computes every layer both ways, from the same input, and goes on with the simulated result.
class BothWays : public Executor {
 public:
  BothWays(const Executor& simulated, const Executor& integer)
      : simulated_(simulated), integer_(integer) {}
  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override {
    return compare(unit.name, simulated_.run(unit, in, step), integer_.run(unit, in, step));
  }
  // Fused or not, the integers are the same.
  at::Tensor run_pair(const Unit& first, const UnitInput& in, const Unit& second,
                      const UnitInput& rest, int64_t step) const override {
    const auto fused = integer_.run_pair(first, in, second, rest, step);
    EXPECT_TRUE(at::equal(fused, integer_.Executor::run_pair(first, in, second, rest, step)))
        << second.name;
    ++fused_;
    return Executor::run_pair(first, in, second, rest, step);
  }
  at::Tensor self_attention(const Unit& qkv, const UnitInput& in, const AttentionUnit& unit,
                            const Projection& out, int64_t step) const override {
    const auto fused = integer_.self_attention(qkv, in, unit, out, step);
    const auto parts = integer_.run(qkv, in, step).chunk(3, -1);
    EXPECT_TRUE(at::equal(fused, one_by_one(unit, {parts[0], parts[1], parts[2]}, out, step)))
        << unit.name;
    ++fused_;
    return Executor::self_attention(qkv, in, unit, out, step);
  }
  at::Tensor projected_attention(const AttentionUnit& unit, const at::Tensor& q,
                                 const at::Tensor& k, const at::Tensor& v, const Projection& out,
                                 int64_t step) const override {
    const auto fused = integer_.projected_attention(unit, q, k, v, out, step);
    EXPECT_TRUE(at::equal(fused, one_by_one(unit, {q, k, v}, out, step))) << unit.name;
    return Executor::projected_attention(unit, q, k, v, out, step);
  }
  /// Calls of layers that may be fused.
  int fused() const { return fused_; }
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override {
    return compare(unit.name, simulated_.attention(unit, q, k, v, step),
                   integer_.attention(unit, q, k, v, step));
  }

 private:
  at::Tensor one_by_one(const AttentionUnit& unit, const std::array<at::Tensor, 3>& qkv,
                        const Projection& out, int64_t step) const {
    auto operands = out.rest;
    operands.x = integer_.attention(unit, qkv[0], qkv[1], qkv[2], step);
    return integer_.run(out.unit, operands, step);
  }

  mutable int fused_ = 0;
  static at::Tensor compare(const std::string& layer, at::Tensor a, const at::Tensor& b) {
    EXPECT_EQ(a.sizes(), b.sizes()) << layer;
    // An input that falls between two codes may be rounded differently; nothing else differs.
    const double error = ((a - b).norm() / a.norm()).item<double>();
    EXPECT_LT(error, 2e-3) << layer;
    return a;
  }
  const Executor& simulated_;
  const Executor& integer_;
};

struct Case {
  const char* network;
  int64_t weight_bits;
  bool symmetric;
};

class IntegerTest : public testing::TestWithParam<Case> {
 protected:
  IntegerTest()
      : model_(std::string(GetParam().network) == "unet" ? test::small_unet() : test::small_dit()),
        sampler_({.steps = 4}, model_.diffusion()),
        runs_(record_trajectory(model_, sampler_, {.guidance = 2.0, .samples = 4, .batch = 4})),
        quant_{.name = "quantized",
               .weight_bits = GetParam().weight_bits,
               .weight_symmetric = GetParam().symmetric,
               .recompute_samples = 4,
               .cached_samples = 2},
        point_(model_.network().cache_point(0, {})),
        ranges_(test::calibrate(model_, 2.0, runs_, quant_, {.steps = 4, .recompute = {0, 1, 2, 3}},
                                point_)) {}
  Corrections corrections() const { return test::some_corrections(model_, point_, 4); }
  at::Tensor call(const Executor& executor, int64_t first, int64_t n, int64_t step = 1) {
    ComputeAll compute;
    return call_step(model_, executor, 2.0, runs_, at::arange(first, first + n, at::kLong), step,
                     compute);
  }

  c10::NoGradGuard no_grad_;
  Model model_;
  Ddim sampler_;
  Trajectory runs_;
  QuantParameters quant_;
  CachePoint point_;
  Calibration ranges_;
};

TEST_P(IntegerTest, EveryLayerGivesWhatSimulationGives) {
  const auto c = corrections();
  const SimulatedExecutor simulated(model_.network(), quant_, ranges_, c);
  const IntegerExecutor integer(model_.network(), quant_, ranges_, c);
  const BothWays both(simulated, integer);
  for (int64_t step = 0; step < 4; ++step) call(both, 0, 4, step);
  EXPECT_GT(both.fused(), 0);
  // And on its own, errors adding up from layer to layer.
  const auto a = call(simulated, 0, 4), b = call(integer, 0, 4);
  EXPECT_LT(((a - b).norm() / a.norm()).item<double>(), 1e-2);
}

TEST_P(IntegerTest, TheWideEngineGivesTheSameBits) {
  const IntegerExecutor bytes(model_.network(), quant_, ranges_, {}, product_engine());
  const IntegerExecutor wide(model_.network(), quant_, ranges_, {}, wide_product_engine());
  EXPECT_TRUE(at::equal(call(bytes, 0, 4), call(wide, 0, 4)));
}

TEST_P(IntegerTest, BatchAndThreadsDoNotMatter) {
  const IntegerExecutor integer(model_.network(), quant_, ranges_);
  const auto together = call(integer, 0, 4);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(at::equal(call(integer, i, 1), together.narrow(0, i, 1))) << i;
  }
  EXPECT_TRUE(at::equal(call(integer, 0, 4), together));
  at::set_num_threads(threads);
}

INSTANTIATE_TEST_SUITE_P(All, IntegerTest,
                         testing::Values(Case{"unet", 8, false}, Case{"unet", 8, true},
                                         Case{"unet", 4, false}, Case{"dit", 8, false},
                                         Case{"dit", 4, false}),
                         [](const auto& tested) {
                           return fmt::format("{}W{}{}", tested.param.network,
                                              tested.param.weight_bits,
                                              tested.param.symmetric ? "Symmetric" : "");
                         });

class IntegerFaults : public testing::Test {
 protected:
  /// The message of what the constructor throws.
  std::string fault(const Calibration& ranges, QuantParameters quant = {.name = "quantized"}) {
    try {
      IntegerExecutor(model_.network(), quant, ranges);
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing thrown";
  }
  Calibration good() {
    Ddim sampler({.steps = 1}, model_.diffusion());
    const auto runs = record_trajectory(model_, sampler, {});
    return test::calibrate(model_, 1.0, runs,
                           {.name = "q", .recompute_samples = 1, .cached_samples = 1},
                           {.steps = 1, .recompute = {0}}, model_.network().cache_point(0, {}));
  }
  c10::NoGradGuard no_grad_;
  Model model_ = test::small_unet();
};

TEST_F(IntegerFaults, NameTheLayer) {
  const auto ranges = good();
  const auto& unit = model_.network().weights().units()[2];
  const auto with = [&](const std::string& key, double scale) {
    auto broken = ranges;
    broken[key] = broken[key].clone();
    broken[key][0][0] = scale;
    return fault(broken);
  };
  for (const double scale : {0.0, -1.0, 1e-42, double(NAN), double(INFINITY)}) {
    EXPECT_NE(with(act_key(unit, 0), scale).find(unit.name), std::string::npos) << scale;
    EXPECT_NE(with(weight_key(unit, 0), scale).find(unit.name), std::string::npos) << scale;
  }
  auto missing = ranges;
  missing.erase(act_key(unit, 0));
  EXPECT_NE(fault(missing).find(unit.name), std::string::npos);
  EXPECT_NE(fault(ranges, {.name = "q", .weight_bits = 9}).find("weight_bits=9"),
            std::string::npos);
  EXPECT_EQ(fault(ranges), "nothing thrown");
}

}  // namespace
}  // namespace cq
