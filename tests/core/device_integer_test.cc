// Integer execution on an accelerator: the CUDA kernels' code emulated on the CPU, and on the GPU
// where libtorch has one.
#include "cq/core/quant/device_integer.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "calibrated.h"
#include "cq/base/error.h"
#include "cq/core/kernels/cuda/cuda_kernels.h"
#include "cq/core/quant/device_layer.h"
#include "cq/core/quant/integer.h"
#include "cq/core/samplers/ddim.h"
#include "random_layers.h"
#include "small_models.h"
#include "tests/core/kernels/cuda/emulation.h"

namespace cq {
namespace {

using kernels::DeviceKernels;
using kernels::cuda::EmulatedKernels;

/// Why libtorch has no GPU here; empty if it has.
std::string no_gpu() {
  if (const auto missing = kernels::cuda_missing(); !missing.empty()) return missing;
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) return dlerror();
  return at::detail::getCUDAHooks().hasCUDA() ? "" : "libtorch finds no GPU";
}

/// libtorch remembers whether there is a GPU from when it is first asked, which a convolution may
/// do: its CUDA library must be there before any test.
class LoadCuda : public testing::Environment {
  void SetUp() override { no_gpu(); }
};
const auto* const kLoadCuda = testing::AddGlobalTestEnvironment(new LoadCuda);

class DeviceLayerTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!GetParam()) {
      kernels_ = std::make_unique<EmulatedKernels>();
      return;
    }
    if (const auto reason = no_gpu(); !reason.empty()) GTEST_SKIP() << reason;
    device_ = at::Device(at::kCUDA, 0);
    kernels_ = kernels::make_cuda_kernels([]() -> void* { return nullptr; });
  }
  at::Tensor on_device(const at::Tensor& x) const { return x.defined() ? x.to(device_) : x; }
  test::Layer on_device(test::Layer l) const {
    auto& u = l.unit;
    for (auto* x : {&u.norm.weight, &u.norm.bias, &u.weight, &u.bias, &l.in.x, &l.in.skip,
                    &l.in.scale, &l.in.shift, &l.in.gate, &l.in.residual, &l.in.channel_bias}) {
      *x = on_device(*x);
    }
    return l;
  }
  WeightRows rows(const test::Layer& l, size_t side) const {
    const auto& ranges = l.weights[side];
    const auto codes = quantize_weight(side_weight(l.unit, int64_t(side)), ranges, l.bits);
    auto made =
        weight_rows(l.unit.name, codes, ranges, l.bits, l.unit.conv.groups, kernels::kDeviceDepth);
    for (auto* x : {&made.rows, &made.scale, &made.zero, &made.column_sums}) *x = on_device(*x);
    return made;
  }

  at::Device device_ = at::kCPU;
  std::unique_ptr<DeviceKernels> kernels_;
  test::RandomLayers layers_;
  c10::NoGradGuard no_grad_;
};

TEST_P(DeviceLayerTest, CodesAreThoseOfSimulatedQuantization) {
  test::CodeCount count;
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    const auto l = layers_.draw(), there = on_device(l);
    count.add(l, device_input(*kernels_, there.unit, dense_input(there.in), l.sides));
  }
  EXPECT_LT(double(count.differing), 1e-3 * double(count.all)) << count.differing;
}

TEST_P(DeviceLayerTest, ProductsAreExact) {
  for (int round = 0; round < 60; ++round) {
    const auto l = layers_.draw(), there = on_device(l);
    const auto in = dense_input(there.in);
    const auto codes = device_input(*kernels_, there.unit, in, l.sides);
    std::vector<WeightRows> weights;
    std::vector<DeviceSide> sides;
    weights.reserve(2);
    for (size_t i = 0; i < codes.size(); ++i) {
      weights.push_back(rows(l, i));
      sides.push_back({&weights.back(), &codes[i], l.sides[i].range});
    }
    test::OutputCorrection correction;
    const int64_t outputs = l.unit.out_channels();
    at::Tensor slope, offset;
    if (round % 2 == 0) {
      correction = {at::randn({outputs}), at::randn({outputs})};
      slope = on_device(correction.slope);
      offset = on_device(correction.offset);
      sides[0].slope = slope.data_ptr<float>();
      sides[0].offset = offset.data_ptr<float>();
    }
    const auto expected = test::exact_result(l, codes, correction);
    const auto made = device_product(*kernels_, sides, {&there.unit, &in, in.x.dim()}).cpu();
    ASSERT_EQ(made.sizes(), expected.sizes());
    const double error = (made - expected).abs().max().item<double>();
    EXPECT_LT(error, 3e-5 * (1 + expected.abs().max().item<double>())) << "round " << round;
  }
}

TEST_P(DeviceLayerTest, AttentionGivesWhatTheCpuGives) {
  // Heads of 5, 16 and 40 channels, and of more than stay on the chip; keys that fill tiles and do
  // not; zero points of every operand.
  struct Case {
    int64_t batch, heads, width, queries, keys, softmax_zero;
  };
  for (const auto& c :
       {Case{2, 3, 5, 7, 9, 0}, Case{1, 2, 16, 130, 64, 0}, Case{3, 1, 40, 33, 77, 3},
        Case{2, 4, 40, 64, 130, 0}, Case{1, 2, 168, 40, 70, 0}, Case{1, 1, 200, 20, 70, 2}}) {
    const int64_t channels = c.heads * c.width;
    const auto qkv = at::randn({c.batch, std::max(c.queries, c.keys), 3 * channels});
    const auto q = qkv.narrow(1, 0, c.queries).narrow(2, 0, channels);
    const auto k = qkv.narrow(1, 0, c.keys).narrow(2, channels, channels);
    const auto v = qkv.narrow(1, 0, c.keys).narrow(2, 2 * channels, channels);
    const AttentionRanges ranges{.q = range_of(-2.5, 2, 8),
                                 .k = range_of(-2, 2.5, 8),
                                 .v = range_of(-3, 2, 8),
                                 .p = {1.0 / 255, c.softmax_zero}};
    const auto expected = integer_attention(product_engine(), q.contiguous(), k.contiguous(),
                                            v.contiguous(), c.heads, ranges);
    const auto made =
        device_attention(*kernels_, on_device(q), on_device(k), on_device(v), c.heads, ranges)
            .cpu();
    ASSERT_EQ(made.sizes(), expected.sizes());
    // The softmax's rounding may put a weight on the other side of a border: one step of a value,
    // 3 % of what a query gets of 77 keys, and one of 100 queries.
    const double error = (made - expected).abs().max().item<double>();
    EXPECT_LT(error, 4 * 3.0 / 255) << c.width;
    EXPECT_LT(((made - expected).norm() / expected.norm()).item<double>(), 4e-3) << c.width;
  }
}

INSTANTIATE_TEST_SUITE_P(All, DeviceLayerTest, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "Gpu" : "Emulated"; });

struct OnDevice {
  const char* network;
  bool gpu;
};

/// Networks, on the CPU and again where the kernels work.
class DeviceIntegerTest : public testing::TestWithParam<OnDevice> {
 protected:
  DeviceIntegerTest()
      : model_(small_model()),
        there_(small_model()),
        sampler_({.steps = 2}, model_.diffusion()),
        runs_(record_trajectory(model_, sampler_, {.guidance = 2.0, .samples = 2, .batch = 2})),
        quant_{.name = "quantized", .recompute_samples = 2, .cached_samples = 2},
        point_(model_.network().cache_point(0, {})) {}
  void SetUp() override {
    if (!GetParam().gpu) return;
    if (const auto reason = no_gpu(); !reason.empty()) GTEST_SKIP() << reason;
    at::globalContext().setAllowTF32CuDNN(false);  // as the program does
    there_.to(at::Device(at::kCUDA, 0));
  }
  static Model small_model() {
    return std::string(GetParam().network) == "unet" ? test::small_unet() : test::small_dit();
  }
  std::unique_ptr<DeviceKernels> kernels() const {
    if (GetParam().gpu) return integer_kernels(device());
    return std::make_unique<EmulatedKernels>();
  }
  at::Device device() const { return there_.network().weights().units()[0].weight.device(); }
  at::Tensor call(const Model& model, const Executor& executor, int64_t step,
                  PointHandler& points) {
    auto runs = runs_;
    const auto on = model.network().weights().units()[0].weight.device();
    runs.x = runs.x.to(on);
    runs.labels = runs.labels.to(on);
    return call_step(model, executor, 2.0, runs, at::arange(2, at::kLong).to(on), step, points);
  }
  Calibration ranges() {
    return test::calibrate(model_, 2.0, runs_, quant_, {.steps = 2, .recompute = {0, 1}}, point_);
  }
  Corrections corrections() const { return test::some_corrections(model_, point_, 2); }

  c10::NoGradGuard no_grad_;
  Model model_, there_;
  Ddim sampler_;
  Trajectory runs_;
  QuantParameters quant_;
  CachePoint point_;
};

/// Computes every layer both ways from the same input, and goes on with the CPU's result.
class BothWays : public Executor {
 public:
  BothWays(const Executor& cpu, const Executor& device, const Network& there)
      : cpu_(cpu), device_(device), there_(there) {}
  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override {
    return compare(unit.name, cpu_.run(unit, in, step), device_.run(twin(unit), move(in), step));
  }
  at::Tensor run_pair(const Unit& first, const UnitInput& in, const Unit& second,
                      const UnitInput& rest, int64_t step) const override {
    return compare(second.name, cpu_.run_pair(first, in, second, rest, step),
                   device_.run_pair(twin(first), move(in), twin(second), move(rest), step));
  }
  at::Tensor self_attention(const Unit& qkv, const UnitInput& in, const AttentionUnit& unit,
                            const Projection& out, int64_t step) const override {
    return compare(
        unit.name, cpu_.self_attention(qkv, in, unit, out, step),
        device_.self_attention(twin(qkv), move(in), unit, {twin(out.unit), move(out.rest)}, step));
  }
  at::Tensor projected_attention(const AttentionUnit& unit, const at::Tensor& q,
                                 const at::Tensor& k, const at::Tensor& v, const Projection& out,
                                 int64_t step) const override {
    return compare(unit.name, cpu_.projected_attention(unit, q, k, v, out, step),
                   device_.projected_attention(unit, move(q), move(k), move(v),
                                               {twin(out.unit), move(out.rest)}, step));
  }
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override {
    return compare(unit.name, cpu_.attention(unit, q, k, v, step),
                   device_.attention(unit, move(q), move(k), move(v), step));
  }

 private:
  const Unit& twin(const Unit& unit) const { return there_.weights().units()[size_t(unit.id)]; }
  UnitInput move(const UnitInput& in) const {
    return {.x = move(in.x),
            .skip = move(in.skip),
            .scale = move(in.scale),
            .shift = move(in.shift),
            .gate = move(in.gate),
            .residual = move(in.residual),
            .channel_bias = move(in.channel_bias)};
  }
  at::Tensor move(const at::Tensor& x) const {
    return x.defined() ? x.to(there_.weights().units()[0].weight.device()) : x;
  }
  static at::Tensor compare(const std::string& layer, at::Tensor a, const at::Tensor& b) {
    // Codes on a border may round differently.
    EXPECT_LT(((a - b.cpu()).norm() / a.norm()).item<double>(), 2e-3) << layer;
    return a;
  }
  const Executor &cpu_, &device_;
  const Network& there_;
};

TEST_P(DeviceIntegerTest, LayersGiveWhatTheCpuGives) {
  const auto c = corrections();
  for (const int64_t bits : {8, 4}) {
    quant_.weight_bits = bits;
    const auto calibrated = ranges();
    const IntegerExecutor cpu(model_.network(), quant_, calibrated, c);
    const DeviceIntegerExecutor device(there_.network(), quant_, calibrated, c, kernels());
    ComputeAll compute;
    call(model_, BothWays(cpu, device, there_.network()), 1, compute);
    const auto x = at::randn({2, 3, 4, 4});
    const auto kept = cpu.read(cpu.keep(x, 1), 1, {}, {});
    EXPECT_LT((kept - device.keep(x.to(this->device()), 1).cpu()).abs().max().item<double>(), 1e-5);
  }
}

/// A step that computes everything and one that reuses the feature.
TEST_P(DeviceIntegerTest, CachedStepsGiveWhatTheCpuGives) {
  const auto c = corrections();
  const auto calibrated = ranges();
  const IntegerExecutor cpu(model_.network(), quant_, calibrated, c);
  const DeviceIntegerExecutor integer(there_.network(), quant_, calibrated, c, kernels());
  const SimulatedExecutor simulated(there_.network(), quant_, calibrated, c);
  const Schedule schedule{.steps = 2, .recompute = {0}};
  ScheduledCache here(schedule, point_, {}, cpu);
  const std::array<const QuantizedExecutor*, 2> executors{&integer, &simulated};
  for (const auto* device : executors) {
    ScheduledCache other(schedule, point_, {}, *device);
    for (int64_t step = 0; step < 2; ++step) {
      const auto expected = call(model_, cpu, step, here);
      const auto made = call(there_, *device, step, other);
      EXPECT_EQ(made.device(), this->device());
      // Codes on a border round differently, and guidance doubles what comes of it.
      EXPECT_LT(((made.cpu() - expected).norm() / expected.norm()).item<double>(), 0.06) << step;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, DeviceIntegerTest,
                         testing::Values(OnDevice{"unet", false}, OnDevice{"unet", true},
                                         OnDevice{"dit", false}, OnDevice{"dit", true}),
                         [](const auto& tested) {
                           return std::string(tested.param.network) +
                                  (tested.param.gpu ? "Gpu" : "Emulated");
                         });

template <class Body>
std::string message_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing thrown";
}

TEST(DeviceIntegerFaults, NothingFallsBack) {
  EXPECT_EQ(message_of([] { integer_kernels(at::kMeta); }),
            "[quant] execution=integer has no kernels for device meta: not a GPU of NVIDIA's");
}

TEST(DeviceIntegerFaults, MissingGpuSaysWhy) {
  const auto missing = kernels::cuda_missing();
  if (missing.empty()) GTEST_SKIP() << "there is a GPU";
  EXPECT_EQ(message_of([] { kernels::make_cuda_kernels(nullptr); }), "[cuda] " + missing);
  EXPECT_EQ(message_of([] { integer_kernels(at::kCUDA); }),
            "[quant] execution=integer has no kernels for device cuda: " + missing);
}

}  // namespace
}  // namespace cq
