#include "cq/core/kernels/tile_product.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace cq::kernels {
namespace {

class TileProductTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_tile_products()) GTEST_SKIP() << "AMX is not there, or CQ_ISA excludes it";
  }
  void TearDown() override { release_tiles(); }

  template <class T>
  std::vector<T> draw(int64_t count) {
    std::vector<T> values(static_cast<size_t>(count));
    for (auto& v : values) v = T(generator_());
    return values;
  }

  /// Compares with plain sums; weight (column, tap, k) is where the header says.
  void check(int64_t rows, int64_t columns, int64_t taps, int64_t depth) {
    const int64_t stride = 64 * (1 + int64_t(generator_() % 3)), sums_stride = columns + 5;
    std::vector<int64_t> offsets;
    for (int64_t t = 0; t < taps; ++t) offsets.push_back(int64_t(generator_() % 300));
    const auto a = draw<uint8_t>(rows * stride + 300 + depth);
    const auto b = draw<int8_t>(columns * taps * depth);
    std::vector<int32_t> sums(static_cast<size_t>(rows * sums_stride), 99);
    tile_product({a.data(), stride, rows, offsets.data(), taps, depth, b.data(), columns,
                  sums.data(), sums_stride, b.data(), columns});
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < sums_stride; ++c) {
        int32_t expected = c < columns ? 0 : 99;
        const int64_t panel = c / 32 * 32, width = std::min<int64_t>(32, columns - panel);
        for (int64_t t = 0; t < taps && c < columns; ++t) {
          for (int64_t k = 0; k < depth; ++k) {
            const int64_t at = panel * taps * depth + ((t * depth + k) / 4 * width + c % 32) * 4;
            expected +=
                int32_t(a[size_t(r * stride + offsets[size_t(t)] + k)]) * b[size_t(at + k % 4)];
          }
        }
        ASSERT_EQ(sums[size_t(r * sums_stride + c)], expected)
            << "row " << r << " of " << rows << ", column " << c << " of " << columns << ", "
            << taps << " taps of " << depth;
      }
    }
  }

 private:
  std::mt19937_64 generator_{11};
};

TEST_F(TileProductTest, SumsAreThoseOfPlain32BitArithmetic) {
  for (const int64_t rows : {1, 16, 17, 32, 33, 63, 80}) {
    for (const int64_t columns : {16, 32, 48, 64}) {
      check(rows, columns, 1, 64);
      check(rows, columns, 3, 192);
    }
  }
}

TEST_F(TileProductTest, DeepSumsComeInParts) {
  check(45, 48, 1, 704);   // two parts, the second of them shorter
  check(32, 32, 1, 2048);  // four
}

}  // namespace
}  // namespace cq::kernels
