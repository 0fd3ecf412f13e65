#include "cq/experiments/commands/bench_product_cases.h"

#include <cstring>

#include <ATen/Parallel.h>
#include <ATen/ops/ones.h>
#include <fmt/format.h>

#include "cq/core/kernels/tile_product.h"
#include "cq/core/parallel.h"
#include "cq/core/quant/integer_attention.h"
#include "cq/core/quant/integer_product.h"

namespace cq {

namespace {

/// Codes and zero points that are neither 0 nor the middle: every correction term is at work.
constexpr uint8_t kCode = 77;
constexpr int64_t kWeightZero = 121, kInputZero = 120;

struct ProductShape {
  const char* name;
  int64_t images, height, width, in, out, kernel;
  double operations() const {
    return 2.0 * double(images * height * width) * double(in * out * kernel * kernel);
  }
};

/// A layer with everything that its product needs.
struct Layer {
  Unit unit;
  UnitInput input;
  HugeMemory memory;
  PackedWeight weight;
  CodeImage codes;
  std::vector<ProductSide> sides;
};

std::shared_ptr<Layer> make_layer(const ProductShape& s) {
  auto layer = std::make_shared<Layer>();
  auto& unit = layer->unit;
  unit.name = s.name;
  std::vector<int64_t> shape{s.out, s.in};
  if (s.height > 1) shape.insert(shape.end(), {s.kernel, s.kernel});
  const auto codes = at::full(shape, int64_t(kCode), at::kByte);
  unit.weight = codes;
  unit.bias = at::ones({s.out});
  const int64_t pad = s.kernel / 2;
  unit.conv.padding = {pad, pad, pad, pad};
  const WeightRanges ranges{at::full({s.out}, 0.01), at::full({s.out}, double(kWeightZero))};
  layer->weight = pack_weight(product_engine(), unit.name, codes, ranges, 8, 1, layer->memory);
  layer->codes = CodeImage({s.images, s.height, s.width, s.in}, unit.conv, true);
  layer->codes.fill(kCode);
  std::fill_n(layer->codes.sums(), s.images * s.height * s.width, int32_t(s.in));
  layer->sides = {{.weight = &layer->weight, .codes = &layer->codes, .range = {0.02, kInputZero}}};
  return layer;
}

KernelCase product_case(const ProductShape& s) {
  const auto layer = make_layer(s);
  const int64_t dimensions = s.height > 1 ? 4 : 3;
  KernelCase made;
  made.name = s.name;
  made.shape = s.height > 1 ? fmt::format("{} x {} x {} x {} -> {}, {} x {}", s.images, s.height,
                                          s.width, s.in, s.out, s.kernel, s.kernel)
                            : fmt::format("{} x {} x {} -> {}", s.images, s.width, s.in, s.out);
  made.bound = Bound::int8;
  made.amount = s.operations();
  made.run = [layer, dimensions] {
    integer_product(product_engine(), layer->sides, {&layer->unit, &layer->input, dimensions});
  };
  return made;
}

KernelCase attention_case() {
  constexpr int64_t kImages = 2, kTokens = 1024, kHeads = 12, kWidth = 32;
  const QuantRange range{0.02, kInputZero};
  const std::array<int64_t, 3> sizes{kImages, kTokens, kHeads * kWidth};
  using Role = CodedTokens::Role;
  std::vector<CodedTokens> operands;
  for (const auto role : {Role::queries, Role::keys, Role::values}) {
    const auto& tokens = operands.emplace_back(role, range, 8, sizes, kHeads);
    const auto out = tokens.output();
    std::memset(out.codes.data, kCode, size_t(kImages * kTokens * out.codes.stride));
    if (out.sums != nullptr) std::fill_n(out.sums, kImages * kTokens * kHeads, 0);
  }
  KernelCase made;
  made.name = "attention";
  made.shape = fmt::format("{} x {} tokens, {} heads of {}", kImages, kTokens, kHeads, kWidth);
  made.bound = Bound::int8;
  made.amount = 4.0 * double(kImages * kHeads * kTokens * kTokens * kWidth);
  const AttentionRanges ranges{range, range, range, {1.0 / 255, 0}};
  made.run = [operands, ranges] {
    integer_attention(product_engine(), operands[0], operands[1], operands[2], kHeads, ranges);
  };
  return made;
}

KernelCase peak_case(double macs_of_thread) {
  KernelCase made;
  made.name = "int8_peak";
  made.bound = Bound::int8;
  made.amount = 2.0 * double(at::get_num_threads()) * macs_of_thread;
  return made;
}

/// AMX: products of whole tiles, without loads.
KernelCase tile_peak_case() {
  constexpr int64_t kRounds = 100'000;
  auto made = peak_case(double(kRounds * kernels::kTilePeakMacs));
  made.run = [] {
    parallel_for(0, at::get_num_threads(), 1, [](int64_t first, int64_t last) {
      kernels::tile_peak_loop((last - first) * kRounds);
      kernels::release_tiles();
    });
  };
  return made;
}

}  // namespace

std::vector<KernelCase> product_cases() {
  constexpr ProductShape kShapes[] = {
      {"product_conv_64", 16, 8, 8, 64, 64, 3},     {"product_conv_192", 2, 64, 64, 192, 192, 3},
      {"product_conv_640", 2, 32, 32, 640, 640, 3}, {"product_1x1", 2, 64, 64, 384, 192, 1},
      {"product_linear", 4, 1, 256, 1152, 3456, 1},
  };
  std::vector<KernelCase> cases;
  for (const auto& shape : kShapes) cases.push_back(product_case(shape));
  cases.push_back(attention_case());
  return cases;
}

KernelCase int8_peak_case() {
  return kernels::has_tile_products() ? tile_peak_case() : int8_product_case();
}

KernelCase int8_product_case() {
  constexpr int64_t kRows = 128, kDepth = 1024, kRepeats = 400;
  const auto& engine = product_engine();
  auto made = peak_case(double(kRepeats * kRows * kDepth * engine.block()));
  made.run = [&engine] {
    const OperandShape shape{engine.block(), 1, kDepth};
    parallel_for(0, at::get_num_threads(), 1, [&](int64_t first, int64_t last) {
      const auto a = at::ones({kRows, kDepth}, at::kByte);
      const auto b = at::ones({engine.packed_bytes(shape)}, at::kByte);
      const auto sums = at::empty({kRows, engine.block()}, at::kInt);
      const int64_t none = 0;
      for (int64_t i = 0; i < (last - first) * kRepeats; ++i) {
        engine.multiply(
            {a.data_ptr<uint8_t>(), kDepth, kRows, &none, sums.data_ptr<int32_t>(), engine.block()},
            shape, b.data_ptr(), 0, 1);
      }
      engine.finish();
    });
  };
  return made;
}

}  // namespace cq
