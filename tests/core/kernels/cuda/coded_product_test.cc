// Products whose values leave as codes, against the plain epilogue and activation.
#include "tests/core/kernels/cuda/backends.h"
#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels::cuda {
namespace {

constexpr int64_t kDepth = 48;

struct Operands {
  Operands(int64_t rows, int64_t columns, Draw& draw)
      : a(draw.whole<uint8_t>(rows * kDepth, 0, 255)),
        b(draw.whole<int8_t>(columns * kDepth, -128, 127)),
        factor(draw.normal(columns, 2e-5F)),
        bias(draw.normal(columns)) {}
  std::vector<uint8_t> a;
  std::vector<int8_t> b;
  std::vector<float> factor, bias;
};

DeviceProduct product_of(Operands& o, int64_t rows, int64_t columns, const Place& place) {
  DeviceProduct p;
  p.a = place(o.a);
  p.rows_at = {.width = rows, .step = kDepth};
  p.b = place(o.b);
  p.b_column = p.depth = kDepth;
  p.rows = rows;
  p.columns = columns;
  p.end.rows_per_image = rows;
  p.end.factor = place(o.factor);
  p.end.bias = place(o.bias);
  return p;
}

std::vector<float> plain_values(const Operands& o, int64_t rows, int64_t columns) {
  std::vector<float> values;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      int32_t sum = 0;
      for (int64_t k = 0; k < kDepth; ++k) {
        sum += o.a[size_t(r * kDepth + k)] * o.b[size_t(c * kDepth + k)];
      }
      values.push_back(float(sum) * o.factor[size_t(c)] + o.bias[size_t(c)]);
    }
  }
  return values;
}

class DeviceCodedProductTest : public DeviceTest {
 protected:
  /// One part, of all columns.
  void expect_activated(int64_t rows, int64_t columns, Act act) {
    SCOPED_TRACE(testing::Message() << rows << " x " << columns << ", activation " << int(act));
    Draw draw(2);
    Operands o(rows, columns, draw);
    const auto values = plain_values(o, rows, columns);
    const int64_t channels = act == Act::geglu ? columns / 2 : columns;
    CodeBuffer plain(rows, channels), made(rows, channels);
    std::fill(made.sums.begin(), made.sums.end(), 500);
    Activate a;
    a.x.floats = {values.data(), columns};
    a.channels = channels;
    a.rows_per_image = rows;
    a.act = act;
    a.out = plain.output({20.0F, 100, 255});
    activate_reference(a, 0, rows);
    auto p = product_of(o, rows, columns, {&backend()});
    p.parts = 1;
    p.act = act;
    auto& out = p.codes[0].out = a.out;
    out.codes.data = backend().put(made.codes);
    out.sums = backend().put(made.sums);
    kernels().product(p);
    made.codes = backend().get(out.codes.data, made.codes.size());
    made.sums = backend().get(out.sums, made.sums.size());
    for (auto& sum : made.sums) sum -= 500;  // what was there before
    expect_same_codes(made, plain, a.out);
  }
};

TEST_P(DeviceCodedProductTest, EveryActivation) {
  for (const Act act : {Act::none, Act::silu, Act::gelu_tanh, Act::gelu_erf, Act::geglu,
                        Act::quick_gelu, Act::relu}) {
    expect_activated(70, 132, act);
  }
}

TEST_P(DeviceCodedProductTest, OddSizes) {
  for (const int64_t rows : {1, 129}) {
    for (const int64_t columns : {2, 62, 66, 198, 400}) {
      expect_activated(rows, columns, Act::gelu_tanh);
      expect_activated(rows, columns, Act::geglu);
    }
  }
}

TEST_P(DeviceCodedProductTest, QueriesKeysAndValuesOfHeads) {
  // Heads of 5 and 40 channels, 16 and 48 bytes apart; what lies between stays.
  for (const int64_t width : {5, 40}) {
    constexpr int64_t kRows = 50, kHeads = 3, kParts = 3;
    const int64_t columns = kParts * kHeads * width, apart = (width + 15) / 16 * 16;
    Draw draw(3);
    Operands o(kRows, columns, draw);
    const auto values = plain_values(o, kRows, columns);
    auto p = product_of(o, kRows, columns, {&backend()});
    p.parts = kParts;
    const auto size = size_t(kRows * kHeads * apart);
    for (int part = 0; part < kParts; ++part) {
      p.codes[part] = {
          .out = {.codes = {backend().put(std::vector<uint8_t>(size, 0xAB)), kHeads * apart},
                  .range = {20.0F, 100 + part, 255},
                  .as_signed = part > 0},
          .segment = width,
          .segment_stride = apart};
    }
    kernels().product(p);
    int64_t differing = 0;
    for (int64_t part = 0; part < kParts; ++part) {
      const auto got = backend().get(p.codes[part].out.codes.data, size);
      for (int64_t i = 0; i < int64_t(size); ++i) {
        const int64_t row = i / (kHeads * apart), head = i / apart % kHeads, c = i % apart;
        if (c >= width) {
          ASSERT_EQ(got[size_t(i)], 0xAB);
          continue;
        }
        const float y = values[size_t(row * columns + (part * kHeads + head) * width + c)];
        const double wanted =
            std::clamp(std::nearbyint(double(y) * 20) + 100 + double(part), 0.0, 255.0);
        const int code = part > 0 ? got[size_t(i)] ^ 128 : got[size_t(i)];
        ASSERT_LE(std::abs(code - wanted), 1) << "part " << part << " at " << i;
        differing += code != int(wanted);
      }
    }
    EXPECT_LE(differing, 5);
  }
}

INSTANTIATE_TEST_SUITE_P(All, DeviceCodedProductTest,
                         testing::Values("EmulatedEarly", "EmulatedLate", "Gpu", "PortableGpu"),
                         backend_name);

/// Shapes for which a Hopper GPU has tiles of every size, beside the kernel of every GPU, which the
/// tests above compare with plain sums.
TEST(DeviceProductSizes, GiveWhatThePortableKernelGives) {
  if (const auto missing = cuda_missing(); !missing.empty()) GTEST_SKIP() << missing;
  GpuBackend fast(false), portable(true);
  for (const auto& [rows, columns] :
       {std::pair{2048, 1152}, {2048, 3456}, {2048, 576}, {512, 960}, {17000, 200}}) {
    SCOPED_TRACE(testing::Message() << rows << " x " << columns);
    Draw draw(4);
    Operands o(rows, columns, draw);
    std::vector<std::vector<int32_t>> sums;
    std::vector<std::vector<float>> floats;
    for (auto* backend : {&fast, &portable}) {
      const auto count = size_t(rows) * size_t(columns);
      auto p = product_of(o, rows, columns, {backend});
      p.sums = {backend->put(std::vector<int32_t>(count, -77)), columns};
      backend->kernels().product(p);
      sums.push_back(backend->get(p.sums.data, count));
      p.sums = {};
      p.end.residual = {backend->put(Draw(5).normal(int64_t(count))), columns};
      p.end.out = {backend->put(std::vector<float>(count, 99)), columns};
      backend->kernels().product(p);
      floats.push_back(backend->get(p.end.out.data, count));
    }
    EXPECT_EQ(sums[0], sums[1]);
    EXPECT_EQ(floats[0], floats[1]);
  }
}

}  // namespace
}  // namespace cq::kernels::cuda
