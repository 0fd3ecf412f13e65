#include "cq/experiments/commands/bench_kernel_cases.h"

#include <algorithm>
#include <random>

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include "cq/core/kernels/activate.h"
#include "cq/core/kernels/epilogue.h"
#include "cq/core/kernels/group_norm.h"
#include "cq/core/kernels/images.h"
#include "cq/core/kernels/int4.h"
#include "cq/core/kernels/layer_norm.h"
#include "cq/core/kernels/peak.h"
#include "cq/core/kernels/softmax.h"
#include "cq/core/kernels/wide_product.h"
#include "cq/core/parallel.h"

namespace cq {

namespace {

using kernels::Act;
using kernels::Activate;

// Two images of 64 x 64 positions and 384 channels: a level of LDM-4's UNet, larger than
// second-level caches.
constexpr int64_t kImages = 2, kSide = 64, kPositions = kSide * kSide, kChannels = 384;
constexpr int64_t kRows = kImages * kPositions, kValues = kRows * kChannels;
constexpr kernels::CodeRange kRange{20.0F, 128, 255};

/// A case in the making: gives it its buffers.
struct Builder {
  KernelCase made;

  Builder(std::string name, std::string shape, double amount) {
    made.name = std::move(name);
    made.shape = std::move(shape);
    made.amount = amount;
  }

  template <class T>
  T* buffer(int64_t count) {
    // Drawn once and repeated: only that values differ from one another matters.
    constexpr int64_t kDrawn = 4099;
    auto values = std::make_shared<std::vector<T>>(size_t(count), T(0));
    for (int64_t i = 0; i < std::min(count, kDrawn); ++i) {
      const auto draw = int32_t(random() & 0xFFFF);
      (*values)[size_t(i)] =
          std::is_floating_point_v<T> ? T(float(draw) / 16384.0F - 2.0F) : T(draw);
    }
    for (int64_t i = kDrawn; i < count; ++i) (*values)[size_t(i)] = (*values)[size_t(i - kDrawn)];
    made.buffers.push_back(values);
    return values->data();
  }

  /// kernel(first, last) over [0, count) on all threads.
  template <class Kernel>
  KernelCase over(int64_t count, const Kernel& kernel) {
    made.run = [=] { parallel_for(0, count, 1, kernel); };
    return std::move(made);
  }

  std::minstd_rand random{1};
};

std::string image_shape(int64_t channels = kChannels) {
  return fmt::format("{} x {} x {} x {}", kImages, kSide, kSide, channels);
}

KernelCase group_norm_case(bool coded) {
  Builder b(coded ? "group_norm_codes" : "group_norm", image_shape(),
            double(kValues) * (coded ? 1 : 4));
  kernels::GroupNorm norm;
  auto& operand = norm.operands[0];
  operand.channels = kChannels;
  if (coded) {
    operand.x.codes = {b.buffer<uint8_t>(kValues), kChannels};
    operand.slope = b.buffer<float>(kChannels);
    operand.intercept = b.buffer<float>(kChannels);
  } else {
    operand.x.floats = {b.buffer<float>(kValues), kChannels};
  }
  norm.positions = kPositions;
  norm.groups = 32;
  norm.weight = b.buffer<float>(kChannels);
  norm.bias = b.buffer<float>(kChannels);
  norm.factor = {b.buffer<float>(kImages * kChannels), kChannels};
  norm.offset = {b.buffer<float>(kImages * kChannels), kChannels};
  norm.moments = b.buffer<float>(group_norm_workspace(norm, kImages));
  b.made.run = [=] {
    parallel_for(0, kImages * group_norm_parts(norm), 1,
                 [&](int64_t first, int64_t last) { group_norm_moments(norm, first, last); });
    group_norm_factors(norm, 0, kImages);
  };
  return std::move(b.made);
}

enum class From { floats, affine_floats, affine_codes };

KernelCase activate_case(const char* name, Act act, From from) {
  const int64_t width = act == Act::geglu ? 2 * kChannels : kChannels;
  const double read = double(kRows * width) * (from == From::affine_codes ? 1 : 4);
  Builder b(name, image_shape(), read + double(kValues));
  Activate a;
  if (from == From::affine_codes) {
    a.x.codes = {b.buffer<uint8_t>(kRows * width), width};
  } else {
    a.x.floats = {b.buffer<float>(kRows * width), width};
  }
  if (from != From::floats) {
    float* factor = b.buffer<float>(kImages * kChannels);
    // What is normalized is of the order of one, whatever holds it.
    if (from == From::affine_codes) {
      std::for_each_n(factor, kImages * kChannels, [](float& f) { f /= 64; });
    }
    a.factor = {factor, kChannels};
    a.offset = {b.buffer<float>(kImages * kChannels), kChannels};
  }
  a.channels = kChannels;
  a.rows_per_image = kPositions;
  a.act = act;
  a.out = {{b.buffer<uint8_t>(kValues), kChannels}, kRange};
  return b.over(kRows, [=](int64_t first, int64_t last) { activate(a, first, last); });
}

KernelCase pool_case() {
  Builder b("pool_silu", image_shape(), double(kValues) * (4 + 0.25));
  Activate a;
  a.x.floats = {b.buffer<float>(kValues), kChannels};
  a.factor = {b.buffer<float>(kImages * kChannels), kChannels};
  a.offset = {b.buffer<float>(kImages * kChannels), kChannels};
  a.channels = kChannels;
  a.rows_per_image = kPositions / 4;
  a.act = Act::silu;
  a.out = {{b.buffer<uint8_t>(kValues / 4), kChannels}, kRange};
  const kernels::Pooling pooling{kPositions, kSide, kSide / 2};
  return b.over(kRows / 4,
                [=](int64_t first, int64_t last) { activate_pooled(a, pooling, first, last); });
}

KernelCase layer_norm_case() {
  Builder b("layer_norm", image_shape() + " with modulation and sums", double(kValues) * 5);
  kernels::LayerNorm norm;
  norm.x = {b.buffer<float>(kValues), kChannels};
  norm.channels = kChannels;
  norm.rows_per_image = kPositions;
  norm.scale = {b.buffer<float>(kImages * kChannels), kChannels};
  norm.shift = {b.buffer<float>(kImages * kChannels), kChannels};
  norm.out = {{b.buffer<uint8_t>(kValues), kChannels}, kRange};
  norm.out.sums = b.buffer<int32_t>(kRows);
  return b.over(kRows, [=](int64_t first, int64_t last) { layer_norm(norm, first, last); });
}

// Its scores are overwritten: later rounds see other values, which cost the same.
KernelCase softmax_case() {
  constexpr int64_t kQueries = 4096, kKeys = 1024;
  Builder b("softmax", fmt::format("{} queries of {} keys", kQueries, kKeys),
            double(kQueries * kKeys) * 5);
  kernels::Softmax s;
  s.sums = {b.buffer<int32_t>(kQueries * kKeys), kKeys};
  s.columns = kKeys;
  s.column_terms = {b.buffer<int32_t>(kKeys), kKeys};
  s.rows_per_block = kQueries;
  s.factor = 1e-4F;
  s.out = {{b.buffer<uint8_t>(kQueries * kKeys), kKeys}, {255.0F, 0, 255}};
  s.out.sums = b.buffer<int32_t>(kQueries);
  return b.over(kQueries, [=](int64_t first, int64_t last) { softmax(s, first, last); });
}

KernelCase epilogue_case() {
  Builder b("epilogue", image_shape() + " with bias and residual", double(kValues) * 12);
  kernels::Epilogue e;
  e.sums = {b.buffer<int32_t>(kValues), kChannels};
  e.channels = kChannels;
  e.rows_per_image = kPositions;
  e.factor = b.buffer<float>(kChannels);
  e.bias = b.buffer<float>(kChannels);
  e.channel_bias = {b.buffer<float>(kImages * kChannels), kChannels};
  e.residual = {b.buffer<float>(kValues), kChannels};
  e.out = {b.buffer<float>(kValues), kChannels};
  return b.over(kRows, [=](int64_t first, int64_t last) { epilogue(e, first, last); });
}

KernelCase decode_case() {
  Builder b("decode", image_shape(), double(kValues) * 5);
  kernels::Decode d;
  d.codes = {b.buffer<uint8_t>(kValues), kChannels};
  d.channels = kChannels;
  d.slope = b.buffer<float>(kChannels);
  d.intercept = b.buffer<float>(kChannels);
  d.out = {b.buffer<float>(kValues), kChannels};
  return b.over(kRows, [=](int64_t first, int64_t last) { decode(d, first, last); });
}

KernelCase upsample_case() {
  Builder b("upsample", image_shape(), double(kValues) * 5);
  kernels::Upsample u;
  u.in = {b.buffer<uint8_t>(kValues), kChannels};
  u.out = {b.buffer<uint8_t>(4 * kValues), kChannels};
  u.channels = kChannels;
  u.width = kSide;
  return b.over(kImages * 2 * kSide,
                [=](int64_t first, int64_t last) { upsample(u, first, last); });
}

KernelCase window_sums_case() {
  constexpr int64_t kMany = 256;
  Builder b("window_sums", fmt::format("{} x {} x {}, 3x3", kMany, kSide, kSide),
            double(kMany * kPositions) * 8);
  kernels::WindowSums w;
  w.in = b.buffer<int32_t>(kMany * kPositions);
  w.out = b.buffer<int32_t>(kMany * kPositions);
  w.height = w.width = w.out_height = w.out_width = kSide;
  w.kernel_height = w.kernel_width = 3;
  w.pad_top = w.pad_left = 1;
  return b.over(kMany * kSide, [=](int64_t first, int64_t last) { window_sums(w, first, last); });
}

KernelCase unpack_case() {
  constexpr int64_t kOutputs = 1280, kInputs = 9 * 1280;
  Builder b("unpack_int4", fmt::format("{} x {}", kOutputs, kInputs),
            double(kOutputs * kInputs) * 1.5);
  const kernels::UnpackInt4 u{{b.buffer<uint8_t>(kOutputs * kInputs / 2), kInputs / 2},
                              kInputs,
                              b.buffer<uint8_t>(kOutputs),
                              {b.buffer<int8_t>(kOutputs * kInputs), kInputs}};
  return b.over(kOutputs, [=](int64_t first, int64_t last) { unpack_int4(u, first, last); });
}

KernelCase wide_product_case() {
  constexpr int64_t kDepth = 9 * 384, kProductRows = 2048;
  Builder b("wide_product", fmt::format("{} x {} x {}", kProductRows, kernels::kPanel, kDepth),
            2.0 * kProductRows * kernels::kPanel * kDepth);
  b.made.bound = Bound::int16;
  const auto* x = b.buffer<int16_t>(kProductRows * kDepth);
  const auto* panel = b.buffer<int16_t>(kernels::panel_size(1, kDepth));
  auto* sums = b.buffer<int32_t>(kProductRows * kernels::kPanel);
  auto* tap = b.buffer<int64_t>(1);
  *tap = 0;
  auto rows = std::make_shared<std::vector<const int16_t*>>();
  for (int64_t r = 0; r < kProductRows; ++r) rows->push_back(x + r * kDepth);
  return b.over(kProductRows, [=](int64_t first, int64_t last) {
    const kernels::WideProduct part{rows->data() + first, last - first, tap, 1, kDepth, panel};
    wide_product(part, sums + first * kernels::kPanel);
  });
}

KernelCase peak_case(const char* name, kernels::PeakKind kind) {
  constexpr int64_t kRounds = 200000;
  const int64_t threads = at::get_num_threads();
  Builder b(name, "in registers", double(threads * kRounds * kernels::peak_operations(kind)));
  auto* out = b.buffer<float>(threads);
  return b.over(threads, [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) out[i] = kernels::peak_loop(kind, kRounds);
  });
}

}  // namespace

std::vector<KernelCase> kernel_cases() {
  std::vector<KernelCase> cases;
  cases.push_back(group_norm_case(false));
  cases.push_back(group_norm_case(true));
  cases.push_back(activate_case("quantize", Act::none, From::floats));
  cases.push_back(activate_case("requantize", Act::none, From::affine_codes));
  cases.push_back(activate_case("norm_silu", Act::silu, From::affine_floats));
  cases.push_back(activate_case("norm_silu_codes", Act::silu, From::affine_codes));
  cases.push_back(activate_case("gelu_tanh", Act::gelu_tanh, From::floats));
  cases.push_back(activate_case("gelu_erf", Act::gelu_erf, From::floats));
  cases.push_back(activate_case("geglu", Act::geglu, From::floats));
  cases.push_back(activate_case("quick_gelu", Act::quick_gelu, From::floats));
  cases.push_back(pool_case());
  cases.push_back(layer_norm_case());
  cases.push_back(softmax_case());
  cases.push_back(epilogue_case());
  cases.push_back(decode_case());
  cases.push_back(upsample_case());
  cases.push_back(window_sums_case());
  cases.push_back(unpack_case());
  cases.push_back(wide_product_case());
  return cases;
}

KernelCase triad_case() {
  Builder b("triad", fmt::format("3 x {} floats", kValues), double(kValues) * 12);
  auto* a = b.buffer<float>(kValues);
  const auto* x = b.buffer<float>(kValues);
  const auto* y = b.buffer<float>(kValues);
  return b.over(kValues, [=](int64_t first, int64_t last) {
    kernels::triad(a + first, x + first, y + first, 3.0F, last - first);
  });
}

KernelCase float32_peak_case() {
  return peak_case("float32", kernels::PeakKind::float32);
}

KernelCase int16_peak_case() {
  return peak_case("int16", kernels::PeakKind::int16);
}

}  // namespace cq
