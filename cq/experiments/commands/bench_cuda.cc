#include "cq/experiments/commands/bench_cuda.h"

#include <algorithm>
#include <memory>
#include <random>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/base/json.h"
#include "cq/config/nearest.h"
#include "cq/core/kernels/cuda/cuda_kernels.h"
#include "cq/experiments/commands/bench_timing.h"
#include "cq/experiments/commands/common_expect.h"

namespace cq {

namespace {

using kernels::CudaBuffer;

constexpr int64_t kLaunches = 20;  // of a round, so that waiting for the GPU costs nothing

struct CudaCase {
  std::string name, shape;
  const char* unit;   ///< gops or gbps
  double amount = 0;  ///< operations or bytes of a launch
  std::function<void()> launch;

  double speed(const Timing& t) const { return amount * kLaunches / t.median / 1e9; }
};

class Cases {
 public:
  // A level of LDM-4's UNet and a layer of DiT-XL/2, as bench_kernel_cases.cc has them.
  static constexpr int64_t kImages = 2, kSide = 64, kPositions = kSide * kSide, kChannels = 384;
  static constexpr int64_t kRows = kImages * kPositions;

  std::vector<CudaCase> all() {
    convolution();
    linear();
    scores();
    group_norm();
    norm_silu();
    layer_norm();
    softmax();
    return std::move(cases_);
  }

 private:
  template <class T>
  T* buffer(int64_t count) {
    std::vector<T> values(size_t(count), T(0));
    for (auto& x : values) {
      const auto draw = int32_t(random_() & 0xFFFF);
      x = std::is_floating_point_v<T> ? T(float(draw) / 16384.0F - 2.0F) : T(draw);
    }
    buffers_.push_back(std::make_unique<CudaBuffer>(count * int64_t(sizeof(T)), values.data()));
    return static_cast<T*>(buffers_.back()->data());
  }
  template <class Launch>
  void add(const char* name, std::string shape, const char* unit, double amount, Launch launch) {
    cases_.push_back({name, std::move(shape), unit, amount, std::move(launch)});
  }

  void product(const char* name, const std::string& shape, kernels::DeviceProduct p) {
    p.b_column = p.taps * p.depth;
    p.b = buffer<int8_t>(p.columns * p.b_column);
    p.end.rows_per_image = p.rows;
    p.end.factor = buffer<float>(p.columns);
    p.end.bias = buffer<float>(p.columns);
    p.end.out = {buffer<float>(p.rows * p.columns), p.columns};
    add(name, shape, "gops", 2.0 * double(p.rows * p.columns * p.b_column),
        [this, p] { kernels_->product(p); });
  }
  void convolution() {
    constexpr int64_t kLine = (kSide + 1) * kChannels, kImage = (kSide + 1) * kLine;
    kernels::DeviceProduct p;
    p.a = buffer<uint8_t>(kImages * kImage + 2 * kLine + kChannels);
    p.rows_at = {kSide, kSide, kChannels, kLine, kImage};
    p.a_tap = kLine;
    p.rows = kRows;
    p.columns = kChannels;
    p.taps = 3;
    p.depth = 3 * kChannels;
    product("convolution", "2 x 64 x 64, 384 -> 384, 3 x 3", p);
  }
  void linear() {
    kernels::DeviceProduct p;
    p.rows = 2048;
    p.columns = 4608;
    p.depth = 1152;
    p.a = buffer<uint8_t>(p.rows * p.depth);
    p.rows_at = {.width = p.rows, .step = p.depth};
    product("linear", "2048 x 1152 x 4608", p);
  }
  void scores() {
    constexpr int64_t kPairs = 16, kTokens = 1024, kDepth = 64;
    kernels::DeviceProduct p;
    p.rows = p.columns = kTokens;
    p.depth = p.b_column = kDepth;
    p.a = buffer<uint8_t>(kPairs * kTokens * kDepth);
    p.rows_at = {.width = kTokens, .step = kDepth};
    p.b = buffer<int8_t>(kPairs * kTokens * kDepth);
    p.sums = {buffer<int32_t>(kPairs * kTokens * kTokens), kTokens};
    p.batch = kPairs;
    p.a_batch = p.b_batch = {kTokens * kDepth, 0};
    p.out_batch = {kTokens * kTokens, 0};
    add("scores", "16 x 1024 x 64 x 1024", "gops", 2.0 * kPairs * kTokens * kTokens * kDepth,
        [this, p] { kernels_->product(p); });
  }

  void group_norm() {
    kernels::GroupNorm n{.positions = kPositions, .groups = 32};
    n.operands[0].channels = kChannels;
    n.operands[0].x.floats = {buffer<float>(kRows * kChannels), kChannels};
    n.factor = {buffer<float>(kImages * kChannels), kChannels};
    n.offset = {buffer<float>(kImages * kChannels), kChannels};
    n.moments = buffer<float>(group_norm_workspace(n, kImages));
    add("group_norm", "2 x 64 x 64 x 384", "gbps", 4.0 * kRows * kChannels,
        [this, n] { kernels_->group_norm(n, kImages); });
  }
  kernels::CodeOutput codes(int64_t rows, int64_t channels) {
    return {.codes = {buffer<uint8_t>(rows * channels), channels}, .range = {20.0F, 128, 255}};
  }
  void norm_silu() {
    kernels::DeviceActivate d{.a = {}, .rows = kRows, .to = {.width = kRows, .step = 1}};
    d.a.x.floats = {buffer<float>(kRows * kChannels), kChannels};
    d.a.channels = kChannels;
    d.a.factor = {buffer<float>(kImages * kChannels), kChannels};
    d.a.offset = {buffer<float>(kImages * kChannels), kChannels};
    d.a.rows_per_image = kPositions;
    d.a.act = kernels::Act::silu;
    d.a.out = codes(kRows, kChannels);
    add("norm_silu", "2 x 64 x 64 x 384", "gbps", 5.0 * kRows * kChannels,
        [this, d] { kernels_->activate(d); });
  }
  void layer_norm() {
    kernels::DeviceLayerNorm d{.norm = {}, .rows = kRows, .to = {.width = kRows, .step = 1}};
    d.norm.x = {buffer<float>(kRows * kChannels), kChannels};
    d.norm.channels = kChannels;
    d.norm.rows_per_image = kPositions;
    d.norm.out = codes(kRows, kChannels);
    add("layer_norm", "2 x 64 x 64 x 384", "gbps", 5.0 * kRows * kChannels,
        [this, d] { kernels_->layer_norm(d); });
  }
  void softmax() {
    constexpr int64_t kQueries = 16384, kKeys = 1024;
    kernels::Softmax s;
    s.sums = {buffer<int32_t>(kQueries * kKeys), kKeys};
    s.columns = kKeys;
    s.factor = 1e-4F;
    s.out = codes(kQueries, kKeys);
    add("softmax", "16384 queries of 1024 keys", "gbps", 5.0 * kQueries * kKeys,
        [this, s] { kernels_->softmax(s, kQueries); });
  }

  std::unique_ptr<kernels::DeviceKernels> kernels_ =
      kernels::make_cuda_kernels([]() -> void* { return nullptr; });
  std::minstd_rand random_{1};
  std::vector<std::unique_ptr<CudaBuffer>> buffers_;
  std::vector<CudaCase> cases_;
};

std::vector<Expectation> expectations_of(const BenchOptions& options,
                                         const std::vector<CudaCase>& cases) {
  std::vector<std::string> names;
  names.reserve(cases.size());
  for (const auto& c : cases) names.push_back(fmt::format("{}_{}", c.name, c.unit));
  std::vector<Expectation> result;
  for (const auto& text : options.expect) {
    const auto& name = result.emplace_back(read_expectation(text, "convolution_gops>=1000")).name;
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    throw UsageError("--expect '{}': nothing measured is called '{}'{} (known: {})", text, name,
                     config::did_you_mean(name, names), fmt::join(names, ", "));
  }
  return result;
}

std::string text_of(const std::vector<CudaCase>& cases, const std::vector<Timing>& timings,
                    bool json) {
  nlohmann::ordered_json document = {{"device", kernels::cuda_device()}};
  std::string table =
      fmt::format("{}\n{:<12} {:>9} {:>9} {:>9}  {:>8}       shape\n", kernels::cuda_device(),
                  "kernel", "median ms", "min ms", "max ms", "speed");
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto& t = timings[i];
    const double ms = 1e3 / kLaunches, speed = cases[i].speed(t);
    document["kernels"].push_back({{"name", cases[i].name},
                                   {"shape", cases[i].shape},
                                   {"median_ms", t.median * ms},
                                   {"min_ms", t.min * ms},
                                   {"max_ms", t.max * ms},
                                   {cases[i].unit, speed}});
    table +=
        fmt::format("{:<12} {:>9.4f} {:>9.4f} {:>9.4f}  {:>8.0f} {}  {}\n", cases[i].name,
                    t.median * ms, t.min * ms, t.max * ms, speed, cases[i].unit, cases[i].shape);
  }
  return json ? pretty_json(document) : table;
}

}  // namespace

int bench_cuda_kernels(const BenchOptions& options) {
  if (const auto missing = kernels::cuda_missing(); !missing.empty()) {
    throw UsageError("--device cuda: {}", missing);
  }
  Cases made;
  const auto cases = made.all();
  const auto expectations = expectations_of(options, cases);
  std::vector<std::function<void()>> runs;
  runs.reserve(cases.size());
  for (const auto& c : cases) {
    runs.push_back([&c] {
      for (int64_t i = 0; i < kLaunches; ++i) c.launch();
      kernels::cuda_wait();
    });
  }
  const auto timings = time_in_turns(runs, options.rounds);
  std::fputs(text_of(cases, timings, options.common.json).c_str(), stdout);
  std::fflush(stdout);
  check_expectations(expectations, [&](const std::string& name) {
    for (size_t i = 0; i < cases.size(); ++i) {
      if (name == fmt::format("{}_{}", cases[i].name, cases[i].unit)) {
        return cases[i].speed(timings[i]);
      }
    }
    return 0.0;
  });
  return 0;
}

}  // namespace cq
