// Attention on the chip against its definition in float64.
#include "tests/core/kernels/cuda/backends.h"
#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels::cuda {
namespace {

struct Case {
  int64_t images, heads, queries, keys, width;
  int32_t softmax_zero;
};

/// Codes of tokens, heads a multiple of 16 bytes apart.
struct Operands {
  explicit Operands(const Case& c, Draw& draw)
      : head((c.width + 15) / 16 * 16),
        q(draw.whole<uint8_t>(c.images * c.queries * c.heads * head, 60, 180)),
        k(draw.whole<uint8_t>(c.images * c.keys * c.heads * head, 0, 255)),
        v(draw.whole<uint8_t>(c.images * c.keys * c.heads * head, 0, 255)),
        bias(draw.normal(c.images * c.heads * c.width)) {}
  int64_t head;
  std::vector<uint8_t> q, k, v;
  std::vector<float> bias;
};

DeviceAttention attention_of(const Case& c, Operands& o, const Place& place) {
  DeviceAttention a;
  a.q = {place(o.q), c.heads * o.head};
  a.k = {place(o.k), c.heads * o.head};
  a.v = {place(o.v), c.heads * o.head};
  a.head_stride = o.head;
  a.images = c.images;
  a.heads = c.heads;
  a.queries = c.queries;
  a.keys = c.keys;
  a.width = c.width;
  a.q_zero = 117;
  a.factor = 1e-4F;
  a.range = {255.0F * 2, c.softmax_zero, 255};
  a.sum_factor = 5e-4F;
  a.row_factor = 2e-4F;
  if (c.softmax_zero != 0) a.bias = place(o.bias);
  return a;
}

/// Values [images][queries][heads][width]. Softmax codes on a border may be either: `spread` is
/// what one of them changes at most.
std::vector<double> plain_attention(const DeviceAttention& a) {
  std::vector<double> out;
  std::vector<double> e(size_t(a.keys), 0.0);
  const auto code = [&](const DeviceAttention::Tokens& t, int64_t token, int64_t head, int64_t c) {
    return t.codes[token * t.stride + head * a.head_stride + c];
  };
  for (int64_t row = 0; row < a.images * a.queries; ++row) {
    const int64_t image = row / a.queries;
    for (int64_t h = 0; h < a.heads; ++h) {
      double most = -1e30, total = 0, codes = 0;
      for (int64_t j = 0; j < a.keys; ++j) {
        auto& score = e[size_t(j)] = 0;
        for (int64_t c = 0; c < a.width; ++c) {
          const int q = code(a.q, row, h, c) - a.q_zero;
          score += q * int8_t(code(a.k, image * a.keys + j, h, c));
        }
        most = std::max(most, score);
      }
      for (auto& x : e) total += x = std::exp((x - most) * double(a.factor));
      for (auto& x : e) {
        x = std::nearbyint(x / total * double(a.range.inverse_scale)) + a.range.zero_point;
        x = std::clamp(x, 0.0, double(a.range.top));
        codes += x - a.range.zero_point;
      }
      for (int64_t c = 0; c < a.width; ++c) {
        double sum = 0;
        for (int64_t j = 0; j < a.keys; ++j) {
          sum += e[size_t(j)] * int8_t(code(a.v, image * a.keys + j, h, c));
        }
        double y = sum * double(a.sum_factor) + codes * double(a.row_factor);
        if (a.bias != nullptr) y += a.bias[(image * a.heads + h) * a.width + c];
        out.push_back(y);
      }
    }
  }
  return out;
}

class DeviceAttentionTest : public DeviceTest {
 protected:
  void expect_plain(const Case& c) {
    SCOPED_TRACE(testing::Message() << c.queries << " x " << c.keys << " of " << c.width);
    Draw draw(3);
    Operands o(c, draw);
    const auto plain = plain_attention(attention_of(c, o, {}));
    auto a = attention_of(c, o, {&backend()});
    a.out = {backend().put(std::vector<float>(plain.size(), 99)), c.heads * c.width};
    kernels().attention(a);
    const auto got = backend().get(a.out.data, plain.size());
    size_t differing = 0;
    for (size_t i = 0; i < plain.size(); ++i) {
      const double error = std::abs(got[i] - plain[i]);
      // A code of the softmax that falls on a border changes a value by 128 of 5e-4 at most.
      ASSERT_LT(error, 0.15) << i;
      differing += error > 1e-5 * (10 + std::abs(plain[i]));
    }
    EXPECT_LE(differing, plain.size() / 100 + size_t(c.width));
    expect_codes(c, a, got);
  }

 private:
  /// The same to codes: those of the floats, and their sums added to what is there.
  void expect_codes(const Case& c, DeviceAttention a, const std::vector<float>& floats) {
    const int64_t channels = c.heads * c.width, rows = c.images * c.queries;
    CodeBuffer made(rows, channels), wanted(rows, channels);
    std::fill(made.sums.begin(), made.sums.end(), 1000);
    const CodeRange range{3.0F, 120, 255};
    auto* codes = backend().put(made.codes);
    auto* sums = backend().put(made.sums);
    a.out = {};
    a.codes = {.codes = {codes, made.stride}, .range = range, .sums = sums};
    kernels().attention(a);
    made.codes = backend().get(codes, made.codes.size());
    made.sums = backend().get(sums, made.sums.size());
    for (auto& sum : made.sums) sum -= 1000;
    for (int64_t i = 0; i < rows * channels; ++i) {
      const double code = std::nearbyint(double(floats[size_t(i)] * 3.0F)) + 120;
      wanted.codes[size_t(i / channels * made.stride + i % channels)] =
          uint8_t(std::clamp(code, 0.0, 255.0));
    }
    expect_same_codes(made, wanted, {.codes = {}, .range = range, .sums = sums});
  }
};

TEST_P(DeviceAttentionTest, EveryWidthOfAHead) {
  for (const int64_t width : {1, 5, 16, 24, 40, 64, 72, 96, 112, 128, 144, 160}) {
    expect_plain({1, 2, 20, 70, width, 0});
  }
}

TEST_P(DeviceAttentionTest, QueriesAndKeysThatFillTilesAndDoNot) {
  expect_plain({2, 3, 7, 9, 5, 0});
  expect_plain({2, 1, 64, 64, 32, 0});
  expect_plain({1, 2, 65, 128, 32, 0});
  expect_plain({1, 1, 130, 193, 40, 0});
  expect_plain({1, 1, 1, 1, 8, 0});
  // More keys than lie on the chip at once.
  expect_plain({1, 2, 20, 700, 32, 0});
  expect_plain({1, 1, 20, 500, 152, 2});
}

TEST_P(DeviceAttentionTest, AZeroPointOfTheSoftmax) {
  expect_plain({2, 2, 33, 77, 40, 3});
  expect_plain({1, 1, 9, 64, 150, 5});
}

/// The largest scores that codes of the most that kSmallScores allows can give.
TEST_P(DeviceAttentionTest, ExtremeScores) {
  const Case c{1, 1, 2, 65, 128, 0};
  Draw draw(1);
  Operands o(c, draw);
  std::fill(o.q.begin(), o.q.end(), 255);
  std::fill(o.k.begin(), o.k.end(), 0x80);  // -128
  std::fill(o.k.begin() + 64 * 128, o.k.end(), 0x7F);
  std::fill(o.v.begin(), o.v.end(), 0);
  std::fill(o.v.begin() + 64 * 128, o.v.end(), 100);
  auto a = attention_of(c, o, {&backend()});
  a.q_zero = 0;
  a.out = {backend().put(std::vector<float>(2 * 128, 99)), 128};
  kernels().attention(a);
  // The last key takes it all: its code is 255.
  for (const float y : backend().get(a.out.data, 2 * 128)) {
    ASSERT_NEAR(y, 255 * 100 * 5e-4 + 255 * 2e-4, 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(All, DeviceAttentionTest,
                         testing::Values("EmulatedEarly", "EmulatedLate", "Gpu"), backend_name);

}  // namespace
}  // namespace cq::kernels::cuda
