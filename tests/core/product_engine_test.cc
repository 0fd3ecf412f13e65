#include "cq/core/quant/product_engine.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "cq/core/kernels/isa.h"

namespace cq {
namespace {

class ProductEngineTest : public testing::TestWithParam<const ProductEngine*> {
 protected:
  /// Random values, a third of them at the ends of the range.
  template <class T>
  std::vector<T> draw(int64_t n, int low, int high) {
    std::vector<T> values(static_cast<size_t>(n));
    for (auto& v : values) {
      const auto kind = generator_() % 6;
      v = T(kind == 0   ? low
            : kind == 1 ? high
                        : low + int(generator_() % uint64_t(high - low + 1)));
    }
    return values;
  }
  int64_t between(int64_t low, int64_t high) {
    return low + int64_t(generator_() % uint64_t(high - low + 1));
  }

  std::mt19937_64 generator_{7};
};

TEST_P(ProductEngineTest, SumsAreThoseOfPlain32BitArithmetic) {
  const auto& engine = *GetParam();
  for (int round = 0; round < 60; ++round) {
    // With AMX, multiples of 64 that are deep or have more than one tap go through tiles.
    const bool deep_tap = round % 10 == 7;
    const int64_t depth = deep_tap        ? 64 * between(32, 40)
                          : round % 5 < 2 ? 64 * between(1, 5)
                                          : 4 * between(1, 80);
    const int64_t there = depth - between(0, 3);
    const OperandShape shape{between(1, 500), deep_tap ? 1 : between(1, 3), depth};
    const int64_t rows = between(1, 130);
    // Rows overlap as those of a convolution do, or are far apart.
    const int64_t stride = round % 2 == 0 ? 4 * between(1, 20) : depth + 4 * between(0, 9);
    std::vector<int64_t> taps;
    for (int64_t t = 0; t < shape.taps; ++t) taps.push_back(between(0, 500));
    const auto a = draw<uint8_t>(rows * stride + depth + 600, 0, 255);
    const auto b = draw<int8_t>(shape.columns * shape.taps * depth, -128, 127);
    const bool deep = round % 3 == 0;  // depth contiguous, or columns
    const OperandSource source{.data = b.data(),
                               .column_stride = deep ? shape.taps * depth : 1,
                               .tap_stride = deep ? depth : depth * shape.columns,
                               .depth_stride = deep ? 1 : shape.columns,
                               .depth = there};
    const auto packed = at::empty({engine.packed_bytes(shape)}, at::kByte);
    engine.pack(source, shape, packed.data_ptr());
    // Any run of blocks, whether or not they are best multiplied at once.
    const int64_t blocks = engine.blocks(shape.columns);
    const int64_t first = between(0, blocks - 1), count = between(1, blocks - first);
    const int64_t width = count * engine.block();
    std::vector<int32_t> sums(static_cast<size_t>(rows * width), 77);
    const int64_t aheads = between(1, 4), ahead = between(-1, aheads - 1);
    engine.multiply({a.data(), stride, rows, taps.data(), sums.data(), width, ahead, aheads}, shape,
                    packed.data_ptr(), first, count);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < width && first * engine.block() + c < shape.columns; ++c) {
        const int64_t column = first * engine.block() + c;
        int32_t expected = 0;
        for (int64_t t = 0; t < shape.taps; ++t) {
          for (int64_t k = 0; k < there; ++k) {
            expected += int32_t(a[size_t(r * stride + taps[size_t(t)] + k)]) *
                        b[size_t(column * source.column_stride + t * source.tap_stride +
                                 k * source.depth_stride)];
          }
        }
        ASSERT_EQ(sums[size_t(r * width + c)], expected)
            << engine.name() << " row " << r << " of " << rows << ", column " << column << " of "
            << shape.columns << ", " << shape.taps << " taps of " << depth;
      }
    }
  }
  engine.finish();
}

TEST_P(ProductEngineTest, ExtremesDoNotSaturate) {
  const auto& engine = *GetParam();
  const OperandShape shape{17, 3, 1024};
  const std::vector<uint8_t> a(4 * 1024, 255);
  const std::vector<int64_t> taps{0, 0, 0};
  for (const int8_t value : {int8_t(-128), int8_t(127)}) {
    const std::vector<int8_t> b(17 * 3 * 1024, value);
    const auto packed = at::empty({engine.packed_bytes(shape)}, at::kByte);
    engine.pack({b.data(), 3 * 1024, 1024, 1, 1024}, shape, packed.data_ptr());
    std::vector<int32_t> sums(static_cast<size_t>(4 * engine.block()));
    engine.multiply({a.data(), 1024, 4, taps.data(), sums.data(), engine.block()}, shape,
                    packed.data_ptr(), 0, 1);
    for (int64_t r = 0; r < 4; ++r) {
      for (int64_t c = 0; c < 17; ++c) {
        EXPECT_EQ(sums[size_t(r * engine.block() + c)], 3 * 1024 * 255 * int32_t(value));
      }
    }
  }
  engine.finish();
}

std::vector<const ProductEngine*> engines() {
  std::vector<const ProductEngine*> all{&wide_product_engine()};
  if (&product_engine() != all.front()) all.push_back(&product_engine());
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, ProductEngineTest, testing::ValuesIn(engines()),
                         [](const auto& tested) { return tested.index == 0 ? "Wide" : "Bytes"; });

}  // namespace
}  // namespace cq
