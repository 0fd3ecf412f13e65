#include "cq/core/kernels/activate.h"

#include <limits>

#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels {
namespace {

constexpr Act kActs[] = {Act::none,  Act::silu,       Act::gelu_tanh, Act::gelu_erf,
                         Act::geglu, Act::quick_gelu, Act::relu};

void compare(Activate a, int64_t rows, bool as_signed = false, bool with_sums = true,
             int64_t segments = 1) {
  CodeBuffer fast(rows, a.channels, segments), plain(rows, a.channels, segments);
  const CodeRange range = a.out.range;
  a.out = plain.output(range, as_signed, with_sums);
  activate_reference(a, 0, rows);
  a.out = fast.output(range, as_signed, with_sums);
  activate(a, 0, rows / 2);
  activate(a, rows / 2, rows);
  expect_same_codes(fast, plain, a.out);
}

TEST(Activate, EveryActivationAtEveryWidth) {
  on_each_target([] {
    Draw draw(1);
    for (const Act act : kActs) {
      for (const int64_t channels : kWidths) {
        const int64_t rows = 6, stride = 2 * channels + 1;
        const auto x = draw.normal(rows * stride, 3);
        Activate a;
        a.x.floats = rows_of(x, stride);
        a.channels = channels;
        a.act = act;
        for (const auto& range : some_ranges()) {
          a.out.range = range;
          compare(a, rows);
        }
      }
    }
  });
}

TEST(Activate, FactorsOfEachImageFromFloatsAndCodes) {
  on_each_target([] {
    Draw draw(2);
    for (const Act act : {Act::none, Act::silu, Act::gelu_tanh}) {
      for (const int64_t channels : kWidths) {
        const int64_t images = 3, positions = 4, rows = images * positions;
        const auto x = draw.normal(rows * channels);
        const auto codes = draw.whole<uint8_t>(rows * channels, 0, 255);
        // Two operands side by side in the factors of the whole concatenation.
        const int64_t all = channels + 5;
        const auto factor = draw.normal(images * all, 1), small = draw.normal(images * all, 0.01F);
        const auto offset = draw.normal(images * all, 1);
        Activate a;
        a.channels = channels;
        a.rows_per_image = positions;
        a.act = act;
        a.offset = {offset.data() + 5, all};
        a.out.range = {1 / 0.05F, 100, 255};
        a.x.floats = rows_of(x, channels);
        a.factor = {factor.data() + 5, all};
        compare(a, rows);
        a.x = {{}, rows_of(codes, channels)};
        a.factor = {small.data() + 5, all};
        compare(a, rows, true, channels % 2 == 0);
      }
    }
  });
}

TEST(Activate, SumsOfSegments) {
  on_each_target([] {
    Draw draw(3);
    for (const int64_t heads : {1, 2, 5}) {
      for (const int64_t width : {1, 8, 40, 64, 72}) {
        const auto x = draw.normal(7 * heads * width);
        Activate a;
        a.x.floats = rows_of(x, heads * width);
        a.channels = heads * width;
        a.out.range = {1 / 0.02F, 130, 255};
        compare(a, 7, false, true, heads);
        compare(a, 7, true, true, heads);
        compare(a, 7, true, false, heads);
      }
    }
  });
}

// at::fake_quantize's order: product, rounding to even, zero point, clamp. By hand.
TEST(Activate, RoundsHalvesToEvenBeforeTheZeroPoint) {
  on_each_target([] {
    const std::vector<float> x{0.25F,
                               0.75F,
                               1.25F,
                               -0.25F,
                               -0.75F,
                               1e30F,
                               -1e30F,
                               0,
                               std::numeric_limits<float>::infinity(),
                               -std::numeric_limits<float>::infinity(),
                               1e-42F};
    const std::vector<int> steps{0, 2, 2, 0, -2, 252, -3, 0, 252, -3, 0};
    CodeBuffer fast(1, int64_t(x.size()));
    Activate a;
    a.x.floats = rows_of(x, int64_t(x.size()));
    a.channels = int64_t(x.size());
    a.out = fast.output({2.0F, 3, 255});
    activate(a, 0, 1);
    for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(int(fast.codes[i]), steps[i] + 3) << x[i];
  });
}

TEST(Activate, ExtremesOfEveryActivationAreFinite) {
  on_each_target([] {
    const std::vector<float> x{-1e30F, -1e4F, -300,   -88,   -20, -1e-30F, 0,    1e-30F, 20, 88,
                               300,    1e30F, -1e34F, 1e34F, 6,   -6,      0.5F, -0.5F,  1,  -1};
    for (const Act act : {Act::silu, Act::gelu_tanh, Act::gelu_erf, Act::quick_gelu, Act::relu}) {
      Activate a;
      a.x.floats = rows_of(x, int64_t(x.size()));
      a.channels = int64_t(x.size());
      a.act = act;
      a.out.range = {1 / 0.05F, 20, 255};
      compare(a, 1);
    }
  });
}

TEST(Activate, PooledImagesOfOddSizes) {
  on_each_target([] {
    Draw draw(4);
    for (const int64_t channels : {1, 3, 17, 64, 130}) {
      for (const int64_t height : {2, 5}) {
        for (const int64_t width : {2, 3, 8}) {
          const int64_t images = 2, out_width = width / 2, positions = height / 2 * out_width;
          const auto x = draw.normal(images * height * width * channels);
          const auto factor = draw.normal(images * channels),
                     offset = draw.normal(images * channels);
          for (const Act act : {Act::none, Act::silu}) {
            Activate a;
            a.x.floats = rows_of(x, channels);
            a.channels = channels;
            a.rows_per_image = positions;
            a.act = act;
            if (act == Act::silu) {
              a.factor = rows_of(factor, channels);
              a.offset = rows_of(offset, channels);
            }
            const Pooling pooling{height * width, width, out_width};
            const int64_t rows = images * positions;
            CodeBuffer fast(rows, channels), plain(rows, channels);
            a.out = plain.output({1 / 0.03F, 90, 255});
            activate_pooled_reference(a, pooling, 0, rows);
            a.out = fast.output({1 / 0.03F, 90, 255});
            activate_pooled(a, pooling, 0, 1);
            activate_pooled(a, pooling, 1, rows);
            expect_same_codes(fast, plain, a.out);
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace cq::kernels
