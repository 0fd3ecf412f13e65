#include "cq/core/kernels/wide_product.h"

#include <random>
#include <vector>

#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels {
namespace {

// A product whose rows overlap, as the windows of a convolution do.
struct Case {
  Case(int64_t row_count, int64_t tap_count, int64_t depth)
      : values(size_t((row_count + tap_count) * depth)),
        panel(size_t(panel_size(tap_count, depth))) {
    for (int64_t r = 0; r < row_count; ++r) rows.push_back(values.data() + r * depth);
    for (int64_t t = 0; t < tap_count; ++t) taps.push_back(t * depth);
    product = {rows.data(), row_count, taps.data(), tap_count, depth, panel.data()};
  }
  std::vector<int16_t> values, panel;
  std::vector<const int16_t*> rows;
  std::vector<int64_t> taps;
  WideProduct product;
};

// Straight from the header's layout, in 64 bits.
int64_t exact_sum(const Case& c, int64_t row, int64_t output) {
  int64_t sum = 0;
  for (size_t t = 0; t < c.taps.size(); ++t) {
    for (int64_t k = 0; k < c.product.depth; ++k) {
      const int64_t pair = (int64_t(t) * c.product.depth + k) / 2;
      sum += int64_t(c.rows[size_t(row)][c.taps[t] + k]) *
             c.panel[size_t((pair * kPanel + output) * 2 + k % 2)];
    }
  }
  return sum;
}

void expect_exact(const Case& c, const char* what) {
  const auto size = size_t(c.product.row_count * kPanel);
  std::vector<int32_t> fast(size, -1), plain(size, -1);
  wide_product_reference(c.product, plain.data());
  on_each_target([&] {
    wide_product(c.product, fast.data());
    EXPECT_EQ(fast, plain) << what;
  });
  for (int64_t r = 0; r < c.product.row_count; ++r) {
    for (int64_t o = 0; o < kPanel; ++o) {
      ASSERT_EQ(plain[size_t(r * kPanel + o)], exact_sum(c, r, o)) << what;
    }
  }
}

TEST(WideProduct, RandomShapesAreExact) {
  std::mt19937 random(7);
  const auto draw = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  for (int i = 0; i < 60; ++i) {
    Case c(draw(1, 13), draw(1, 9), 2 * draw(1, i % 10 == 0 ? 500 : 60));
    for (auto& v : c.values) v = int16_t(draw(-255, 255));
    for (auto& v : c.panel) v = int16_t(draw(-255, 255));
    expect_exact(c, "random");
  }
}

// As deep as the bound inputs x 255^2 < 2^31 allows.
TEST(WideProduct, ExtremesNeitherSaturateNorOverflow) {
  for (const int16_t weight : {int16_t(255), int16_t(-255)}) {
    Case c(5, 1, 33024);
    for (auto& v : c.values) v = 255;
    for (auto& v : c.panel) v = weight;
    expect_exact(c, "extreme");
  }
}

TEST(Dequantize, FollowsItsFormula) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> real(-2, 2);
  for (int64_t count = 1; count <= kPanel; ++count) {
    const int64_t rows = 3, stride = 29;
    std::vector<int32_t> sums(size_t(rows * kPanel));
    for (auto& s : sums) s = int32_t(random() % 2000) - 1000;
    std::vector<float> v[4], residual(size_t(rows * stride)), start(residual.size());
    for (auto& x : v) {
      for (int64_t o = 0; o < count; ++o) x.push_back(real(random));
    }
    for (auto& x : residual) x = real(random);
    for (auto& x : start) x = real(random);
    auto out = start;
    const Dequantize all{v[0].data(), v[1].data(), v[2].data(), v[3].data(), residual.data(),
                         true,        count,       rows,        stride};
    dequantize(all, sums.data(), out.data());
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < stride; ++i) {
        const auto at = size_t(r * stride + i), o = size_t(i);
        if (i >= count) {
          EXPECT_EQ(out[at], start[at]) << "past the panel's outputs";
          continue;
        }
        const double y = double(sums[size_t(r * kPanel) + o]) * v[0][o] + v[1][o] + start[at];
        EXPECT_NEAR(out[at], (y + v[2][o]) * v[3][o] + residual[at], 2e-3);
      }
    }
  }
}

}  // namespace
}  // namespace cq::kernels
