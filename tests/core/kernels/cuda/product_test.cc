// Products of the CUDA kernels against plain sums.
#include "tests/core/kernels/cuda/backends.h"
#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels::cuda {
namespace {

/// A convolution's windows over images of `positions` positions of `depth` bytes, or rows of a
/// matrix where the kernel is 1 x 1.
struct Shape {
  int64_t images, height, width;  ///< of the output
  int64_t depth;                  ///< of a position
  int64_t kernel_height, kernel_width, stride;
  int64_t columns;

  int64_t line() const { return (width - 1) * stride + kernel_width; }
  int64_t image() const { return ((height - 1) * stride + kernel_height) * line(); }
  int64_t rows() const { return images * height * width; }
  int64_t tap_depth() const { return kernel_width * depth; }
};

struct Operands {
  Operands(const Shape& s, Draw& draw, bool extreme)
      : a(extreme ? std::vector<uint8_t>(size_t(s.images * s.image() * s.depth), 255)
                  : draw.whole<uint8_t>(s.images * s.image() * s.depth, 0, 255)),
        b(extreme ? std::vector<int8_t>(size_t(s.columns * s.kernel_height * s.tap_depth()), -128)
                  : draw.whole<int8_t>(s.columns * s.kernel_height * s.tap_depth(), -128, 127)) {}
  std::vector<uint8_t> a;
  std::vector<int8_t> b;
};

DeviceProduct product_of(const Shape& s, const uint8_t* a, const int8_t* b) {
  DeviceProduct p;
  p.a = a;
  p.rows_at = {s.width, s.height, s.stride * s.depth, s.stride * s.line() * s.depth,
               s.image() * s.depth};
  p.a_tap = s.line() * s.depth;
  p.b = b;
  p.b_column = s.kernel_height * s.tap_depth();
  p.rows = s.rows();
  p.columns = s.columns;
  p.taps = s.kernel_height;
  p.depth = s.tap_depth();
  return p;
}

/// Straight from the definition of a convolution.
std::vector<int32_t> plain_sums(const Shape& s, const Operands& o) {
  std::vector<int32_t> sums;
  for (int64_t r = 0; r < s.rows(); ++r) {
    const int64_t x = r % s.width, y = r / s.width % s.height, image = r / (s.width * s.height);
    for (int64_t c = 0; c < s.columns; ++c) {
      int32_t sum = 0;
      for (int64_t ky = 0; ky < s.kernel_height; ++ky) {
        for (int64_t kx = 0; kx < s.kernel_width; ++kx) {
          const int64_t position =
              image * s.image() + (y * s.stride + ky) * s.line() + x * s.stride + kx;
          const int64_t weight = (c * s.kernel_height + ky) * s.kernel_width + kx;
          for (int64_t k = 0; k < s.depth; ++k) {
            sum += o.a[size_t(position * s.depth + k)] * o.b[size_t(weight * s.depth + k)];
          }
        }
      }
      sums.push_back(sum);
    }
  }
  return sums;
}

class DeviceProductTest : public DeviceTest {
 protected:
  void expect_exact(const Shape& s, bool extreme = false) {
    Draw draw(1);
    Operands o(s, draw, extreme);
    auto p = product_of(s, backend().put(o.a), backend().put(o.b));
    const int64_t stride = s.columns + 3;
    const auto count = size_t(s.rows() * stride);
    p.sums = {backend().put(std::vector<int32_t>(count, -77)), stride};
    kernels().product(p);
    const auto got = backend().get(p.sums.data, count);
    const auto plain = plain_sums(s, o);
    for (int64_t r = 0; r < s.rows(); ++r) {
      for (int64_t c = 0; c < stride; ++c) {
        const int32_t wanted = c < s.columns ? plain[size_t(r * s.columns + c)] : -77;
        ASSERT_EQ(got[size_t(r * stride + c)], wanted) << "row " << r << " column " << c;
      }
    }
  }
};

TEST_P(DeviceProductTest, MatricesOfOddSizes) {
  for (const int64_t rows : {1, 127, 129, 300}) {
    for (const int64_t columns : {1, 63, 65, 130}) {
      SCOPED_TRACE(testing::Message() << rows << " x " << columns);
      expect_exact({1, 1, rows, 80, 1, 1, 1, columns});
    }
  }
}

TEST_P(DeviceProductTest, DepthsAroundATile) {
  for (const int64_t depth : {16, 48, 64, 80, 128, 192, 208, 448}) {
    SCOPED_TRACE(depth);
    expect_exact({1, 1, 30, depth, 1, 1, 1, 20});
  }
}

TEST_P(DeviceProductTest, ConvolutionsOfEveryGeometry) {
  for (const int64_t kernel_height : {1, 2, 3}) {
    for (const int64_t kernel_width : {1, 3}) {
      for (const int64_t stride : {1, 2}) {
        SCOPED_TRACE(testing::Message() << kernel_height << " " << kernel_width << " " << stride);
        expect_exact({3, 7, 9, 48, kernel_height, kernel_width, stride, 33});
      }
    }
  }
}

TEST_P(DeviceProductTest, ExtremeOperandsKeepEveryBit) {
  // 65280 products of 255 times -128 are the most that 32 bits hold: 65280 * 32640 < 2^31.
  expect_exact({1, 1, 2, 65280, 1, 1, 1, 2}, true);
}

TEST_P(DeviceProductTest, RandomShapes) {
  Draw draw(4);
  for (int round = 0; round < 12; ++round) {
    const Shape s{draw.one(1, 3), draw.one(1, 9), draw.one(1, 9), 16 * draw.one(1, 6),
                  draw.one(1, 3), draw.one(1, 3), draw.one(1, 2), draw.one(1, 140)};
    SCOPED_TRACE(round);
    expect_exact(s);
  }
}

/// Everything an epilogue can have, for rows of `images` images.
struct Ends {
  Ends(int64_t images, int64_t rows, int64_t columns, Draw& draw)
      : factor(draw.normal(columns, 1e-5F)),
        bias(draw.normal(columns)),
        term_sums(draw.whole<int32_t>(rows, -20000, 20000)),
        term_factor(draw.normal(columns, 1e-4F)),
        addend(draw.normal(rows * columns)),
        channel_bias(draw.normal(images * columns)),
        gate(draw.normal(images * columns)),
        residual(draw.normal(rows * columns)) {}
  std::vector<float> factor, bias;
  std::vector<int32_t> term_sums;
  std::vector<float> term_factor, addend, channel_bias, gate, residual;
};

Epilogue end_at(Ends& o, int64_t columns, int64_t rows_per_image, unsigned use,
                const Place& place) {
  const auto has = [&](unsigned bit) { return (use >> bit & 1) != 0; };
  Epilogue e;
  e.channels = columns;
  e.rows_per_image = rows_per_image;
  e.factor = place(o.factor);
  if (has(0)) e.bias = place(o.bias);
  if (has(1)) e.terms[0] = {place(o.term_sums), place(o.term_factor)};
  if (has(2)) e.addend = {place(o.addend), columns};
  if (has(3)) e.channel_bias = {place(o.channel_bias), columns};
  if (has(4)) e.gate = {place(o.gate), columns};
  if (has(5)) e.residual = {place(o.residual), columns};
  return e;
}

TEST_P(DeviceProductTest, EveryCombinationOfTheEpilogue) {
  const Shape s{2, 3, 5, 32, 3, 3, 1, 37};
  Draw draw(5);
  Operands o(s, draw, false);
  Ends ends(s.images, s.rows(), s.columns, draw);
  const auto sums = plain_sums(s, o);
  for (unsigned use = 0; use < 64; ++use) {
    std::vector<float> plain(sums.size(), 99);
    Epilogue e = end_at(ends, s.columns, s.height * s.width, use, {});
    e.sums = {sums.data(), s.columns};
    e.out = {plain.data(), s.columns};
    epilogue_reference(e, 0, s.rows());
    auto p = product_of(s, backend().put(o.a), backend().put(o.b));
    p.end = end_at(ends, s.columns, s.height * s.width, use, {&backend()});
    p.end.out = {backend().put(std::vector<float>(plain.size(), 99)), s.columns};
    kernels().product(p);
    const auto got = backend().get(p.end.out.data, plain.size());
    for (size_t i = 0; i < plain.size(); ++i) {
      ASSERT_NEAR(got[i], plain[i], 3e-6 * (4 + std::abs(plain[i]))) << use << " at " << i;
    }
  }
}

TEST_P(DeviceProductTest, CoefficientsByHand) {
  // One row, [2, 0, ...]; columns [10, 0, ...] and [-20, 0, ...]: sums of 20 and -40.
  std::vector<uint8_t> a(16, 0);
  std::vector<int8_t> b(32, 0);
  a[0] = 2;
  b[0] = 10;
  b[16] = -20;
  DeviceProduct p;
  p.a = backend().put(a);
  p.rows_at.step = 16;
  p.b = backend().put(b);
  p.b_column = p.depth = 16;
  p.rows = 1;
  p.columns = 2;
  auto& k = p.coefficients;
  k.scale = 0.5;
  k.zero_point = 3;
  k.weight_scale = backend().put(std::vector<float>{0.25F, 0.25F});
  k.weight_zero = backend().put(std::vector<float>{0, -8});
  k.column_sums = backend().put(std::vector<float>{100, -40});
  k.bias = backend().put(std::vector<float>{1, 2});
  p.end.out = {backend().put(std::vector<float>(2, 99)), 2};
  const auto made = [&] {
    kernels().product(p);
    return backend().get(p.end.out.data, 2);
  };
  // 0.125 (20 - 3 * 100) + 1; 0.125 (-40 + 3 * 40) + 2.
  EXPECT_EQ(made(), (std::vector<float>{-34, 12}));
  // With row sums of 7, 0.125 * 8 * 7 more in the second column.
  k.row_sums = backend().put(std::vector<int32_t>{7});
  EXPECT_EQ(made(), (std::vector<float>{-34, 19}));
  k.slope = backend().put(std::vector<float>{2, -1});
  k.offset = backend().put(std::vector<float>{10, 20});
  k.bias = nullptr;
  EXPECT_EQ(made(), (std::vector<float>{-70 + 10, -17 + 20}));
}

TEST_P(DeviceProductTest, ASecondSideIsAddedInPlace) {
  const Shape s{1, 1, 40, 16, 1, 1, 1, 10};
  Draw draw(6);
  Operands first(s, draw, false), second(s, draw, false);
  const std::vector<float> one(size_t(s.columns), 1);
  float* out = backend().put(std::vector<float>(size_t(s.rows() * s.columns), 0));
  for (auto* side : {&first, &second}) {
    auto p = product_of(s, backend().put(side->a), backend().put(side->b));
    p.end.factor = backend().put(one);
    p.end.out = {out, s.columns};
    if (side == &second) p.end.addend = {out, s.columns};
    kernels().product(p);
  }
  const auto got = backend().get(out, size_t(s.rows() * s.columns));
  const auto a = plain_sums(s, first), b = plain_sums(s, second);
  for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], float(a[i]) + float(b[i]));
}

TEST_P(DeviceProductTest, BatchesOfHeads) {
  // As attention's second product: codes of [images][heads][rows], values [images][heads][columns],
  // outputs [images][rows][heads][columns].
  constexpr int64_t kImages = 2, kHeads = 3, kRows = 33, kColumns = 20, kDepth = 48;
  constexpr int64_t kPairs = kImages * kHeads;
  Draw draw(7);
  auto a = draw.whole<uint8_t>(kPairs * kRows * kDepth, 0, 255);
  auto b = draw.whole<int8_t>(kPairs * kColumns * kDepth, -128, 127);
  auto factor = draw.normal(kColumns), bias = draw.normal(kPairs * kColumns);
  auto row_sums = draw.whole<int32_t>(kPairs * kRows, -999, 999);
  auto row_factor = draw.normal(kColumns);
  const auto count = size_t(kImages * kRows * kHeads * kColumns);
  DeviceProduct p{.a = backend().put(a),
                  .rows_at = {.width = kRows, .height = 1, .step = kDepth, .line = 0, .image = 0},
                  .b = backend().put(b),
                  .b_column = kDepth,
                  .rows = kRows,
                  .columns = kColumns,
                  .depth = kDepth,
                  .batch = kPairs,
                  .inner = kHeads,
                  .a_batch = {kHeads * kRows * kDepth, kRows * kDepth},
                  .b_batch = {kHeads * kColumns * kDepth, kColumns * kDepth},
                  .out_batch = {kRows * kHeads * kColumns, kColumns},
                  .bias_batch = {kHeads * kColumns, kColumns},
                  .row_sums_batch = {kHeads * kRows, kRows}};
  p.end.factor = backend().put(factor);
  p.end.bias = backend().put(bias);
  p.end.rows_per_image = kRows;
  p.end.terms[0] = {backend().put(row_sums), backend().put(row_factor)};
  p.end.out = {backend().put(std::vector<float>(count, 99)), kHeads * kColumns};
  kernels().product(p);
  const auto got = backend().get(p.end.out.data, count);
  for (int64_t pair = 0; pair < kPairs; ++pair) {
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t c = 0; c < kColumns; ++c) {
        int32_t sum = 0;
        for (int64_t k = 0; k < kDepth; ++k) {
          sum += a[size_t((pair * kRows + r) * kDepth + k)] *
                 b[size_t((pair * kColumns + c) * kDepth + k)];
        }
        const double wanted = double(sum) * factor[size_t(c)] + bias[size_t(pair * kColumns + c)] +
                              double(row_sums[size_t(pair * kRows + r)]) * row_factor[size_t(c)];
        const int64_t at = ((pair / kHeads * kRows + r) * kHeads + pair % kHeads) * kColumns + c;
        ASSERT_NEAR(got[size_t(at)], wanted, 1e-6 * (100 + std::abs(wanted))) << pair << " " << r;
      }
    }
  }
}

TEST(DeviceProductTiles, SharedMemoryIsReadWithoutBankConflicts) {
  // The eight rows that ldmatrix reads at once must lie in eight different groups of four banks.
  for (int chunk = 0; chunk < kChunks; ++chunk) {
    for (int row = 0; row < kTileRows; row += 8) {
      std::vector<bool> seen(8, false);
      for (int i = 0; i < 8; ++i) {
        const auto group = size_t(swizzled(row + i, chunk) / 16 % 8);
        EXPECT_FALSE(seen[group]) << row + i << " " << chunk;
        seen[group] = true;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, DeviceProductTest,
                         testing::Values("EmulatedEarly", "EmulatedLate", "Gpu", "PortableGpu"),
                         backend_name);

}  // namespace
}  // namespace cq::kernels::cuda
