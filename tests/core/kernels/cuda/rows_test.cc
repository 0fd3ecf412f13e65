// The CUDA kernels between products against the plain references.
#include "tests/core/kernels/cuda/backends.h"
#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels::cuda {
namespace {

using std::vector;

class DeviceRowsTest : public DeviceTest {
 protected:
  /// Runs launch(place, codes) on the device, codes going where `plain`'s would, and compares.
  template <class Launch>
  void expect_same(const CodeBuffer& plain, const CodeOutput& out, const Launch& launch) {
    CodeBuffer device(plain.rows, plain.channels, plain.segments);
    auto* codes = backend().put(device.codes);
    auto* sums = backend().put(device.sums);
    CodeOutput to = out;
    to.codes.data = codes;
    if (to.sums != nullptr) to.sums = sums;
    launch(to);
    device.codes = backend().get(codes, device.codes.size());
    device.sums = backend().get(sums, device.sums.size());
    expect_same_codes(device, plain, out);
  }
};

constexpr int64_t kImages = 2, kPositions = 6, kRows = kImages * kPositions;
/// Rows one after the other.
constexpr Lattice kPlain{.width = kRows, .height = 1, .step = 1};

Activate activate_at(vector<float>& x, vector<float>& factor, vector<float>& offset,
                     int64_t channels, Act act, bool affine, const Place& place) {
  Activate a;
  a.x.floats = {place(x), act == Act::geglu ? 2 * channels : channels};
  a.channels = channels;
  a.rows_per_image = kPositions;
  a.act = act;
  if (affine && act != Act::geglu) {
    a.factor = {place(factor), channels};
    a.offset = {place(offset), channels};
  }
  return a;
}

TEST_P(DeviceRowsTest, ActivationsOfFloats) {
  Draw draw(1);
  for (const Act act : {Act::none, Act::silu, Act::gelu_tanh, Act::gelu_erf, Act::geglu,
                        Act::quick_gelu, Act::relu}) {
    for (const int64_t channels : kWidths) {
      SCOPED_TRACE(testing::Message() << int(act) << " " << channels);
      auto x = draw.normal(kRows * 2 * channels, 3), factor = draw.normal(kImages * channels);
      auto offset = draw.normal(kImages * channels);
      const bool affine = draw.one(0, 1) == 1, as_signed = draw.one(0, 1) == 1;
      for (const auto& range : some_ranges()) {
        const bool sums = draw.one(0, 3) > 0;
        CodeBuffer plain(kRows, channels);
        auto a = activate_at(x, factor, offset, channels, act, affine, {});
        a.out = plain.output(range, as_signed, sums);
        activate_reference(a, 0, kRows);
        expect_same(plain, a.out, [&](const CodeOutput& out) {
          auto on = activate_at(x, factor, offset, channels, act, affine, {&backend()});
          on.out = out;
          kernels().activate({.a = on, .rows = kRows, .to = kPlain});
        });
      }
    }
  }
}

TEST_P(DeviceRowsTest, CodesToAnotherScaleAndSumsOfHeads) {
  Draw draw(2);
  for (const int64_t width : {1, 5, 32, 40}) {
    const int64_t segments = 3, channels = segments * width;
    auto codes = draw.whole<uint8_t>(kRows * channels, 0, 255);
    auto factor = draw.normal(kImages * channels, 0.03F), offset = draw.normal(kImages * channels);
    CodeBuffer plain(kRows, channels, segments);
    Activate a;
    a.channels = channels;
    a.rows_per_image = kPositions;
    a.x.codes = rows_of(codes, channels);
    a.factor = rows_of(factor, channels);
    a.offset = rows_of(offset, channels);
    a.out = plain.output({1 / 0.03F, 128, 255}, true);
    activate_reference(a, 0, kRows);
    expect_same(plain, a.out, [&](const CodeOutput& out) {
      a.x.codes.data = backend().put(codes);
      a.factor.data = backend().put(factor);
      a.offset.data = backend().put(offset);
      a.out = out;
      kernels().activate({.a = a, .rows = kRows, .to = kPlain});
    });
  }
}

TEST_P(DeviceRowsTest, PoolingAndUpsampling) {
  Draw draw(3);
  constexpr int64_t kHeight = 5, kWidth = 7, kIn = kHeight * kWidth;
  for (const int64_t channels : {1, 33, 40}) {
    auto x = draw.normal(kImages * kIn * channels);
    auto factor = draw.normal(kImages * channels), offset = draw.normal(kImages * channels);
    auto a = activate_at(x, factor, offset, channels, Act::silu, true, {});
    const auto on = activate_at(x, factor, offset, channels, Act::silu, true, {&backend()});
    for (const auto kind : {Resampling::down, Resampling::up}) {
      const bool down = kind == Resampling::down;
      const int64_t height = down ? kHeight / 2 : 2 * kHeight,
                    width = down ? kWidth / 2 : 2 * kWidth;
      const int64_t rows = kImages * height * width;
      CodeBuffer plain(rows, channels);
      a.out = plain.output({1 / 0.02F, 90, 255});
      a.rows_per_image = height * width;
      if (down) {
        activate_pooled_reference(a, {kIn, kWidth, width}, 0, rows);
      } else {
        // Codes at the input's size, then each four times.
        CodeBuffer small(kImages * kIn, channels);
        auto first = a;
        first.rows_per_image = kIn;
        first.out = small.output(a.out.range);
        activate_reference(first, 0, kImages * kIn);
        upsample_reference({rows_of(small.codes, small.stride), a.out.codes, channels, kWidth}, 0,
                           kImages * height);
        for (int64_t r = 0; r < rows; ++r) {
          const int64_t y = r / width, column = r % width;
          plain.sums[size_t(r)] = small.sums[size_t(y / 2 * kWidth + column / 2)];
        }
      }
      expect_same(plain, a.out, [&](const CodeOutput& out) {
        DeviceActivate d{.a = on,
                         .rows = rows,
                         .to = {.width = rows, .height = 1, .step = 1},
                         .resampling = kind,
                         .in_positions = kIn,
                         .in_width = kWidth,
                         .out_width = width};
        d.a.rows_per_image = height * width;
        d.a.out = out;
        kernels().activate(d);
      });
    }
  }
}

TEST_P(DeviceRowsTest, CodesGoIntoAnImageWithGaps) {
  // Two images of 2 x 3 positions, a gap of 1 between lines and of 2 lines between images.
  Draw draw(4);
  constexpr int64_t kChannels = 16, kLine = 4, kImage = 4 * kLine, kPlaces = 2 * kImage;
  auto x = draw.normal(kRows * kChannels);
  vector<float> none;
  const vector<uint8_t> before(size_t(kPlaces * kChannels), 0xAB);
  auto a = activate_at(x, none, none, kChannels, Act::none, false, {&backend()});
  a.out = {.codes = {backend().put(before), kChannels}, .range = {40, 100, 255}};
  kernels().activate({.a = a,
                      .rows = kRows,
                      .to = {.width = 3, .height = 2, .step = 1, .line = kLine, .image = kImage}});
  const auto got = backend().get(a.out.codes.data, before.size());
  vector<uint8_t> wanted = before;
  const Encoder encode = encoder_of(a.out.range);
  for (int64_t image = 0; image < 2; ++image) {
    for (int64_t y = 0; y < 2; ++y) {
      for (int64_t column = 0; column < 3; ++column) {
        for (int64_t c = 0; c < kChannels; ++c) {
          const int64_t row = (image * 2 + y) * 3 + column;
          const int64_t place = image * kImage + y * kLine + column;
          wanted[size_t(place * kChannels + c)] =
              uint8_t(encode(x[size_t(row * kChannels + c)] * a.out.range.inverse_scale));
        }
      }
    }
  }
  EXPECT_EQ(got, wanted);
}

TEST_P(DeviceRowsTest, LayerNorms) {
  Draw draw(5);
  for (const int64_t channels : kWidths) {
    auto x = draw.normal(kRows * channels, 2, 5), weight = draw.normal(channels);
    auto bias = draw.normal(channels), scale = draw.normal(kImages * channels);
    auto shift = draw.normal(kImages * channels);
    for (int use = 0; use < 4; ++use) {
      const auto at = [&](const Place& place) {
        LayerNorm n;
        n.x = {place(x), channels};
        n.channels = channels;
        n.rows_per_image = kPositions;
        n.weight = (use & 1) != 0 ? place(weight) : nullptr;
        n.bias = (use & 1) != 0 ? place(bias) : nullptr;
        if ((use & 2) != 0) n.scale = {place(scale), channels}, n.shift = {place(shift), channels};
        n.act = use == 3 ? Act::gelu_tanh : Act::none;
        return n;
      };
      CodeBuffer plain(kRows, channels);
      auto n = at({});
      n.out = plain.output({1 / 0.03F, 128, 255});
      layer_norm_reference(n, 0, kRows);
      expect_same(plain, n.out, [&](const CodeOutput& out) {
        auto on = at({&backend()});
        on.out = out;
        kernels().layer_norm({.norm = on, .rows = kRows, .to = kPlain});
      });
    }
  }
}

TEST_P(DeviceRowsTest, Softmaxes) {
  Draw draw(6);
  for (const int64_t columns : kWidths) {
    const int64_t blocks = 2, queries = 3, rows = blocks * queries, stride = columns + 1;
    auto sums = draw.whole<int32_t>(rows * stride, -60000, 60000);
    auto terms = draw.whole<int32_t>(blocks * columns, -30000, 30000);
    auto scores = draw.normal(rows * stride, 20, 300);
    for (int use = 0; use < 3; ++use) {
      const auto at = [&](const Place& place) {
        Softmax s;
        s.columns = columns;
        s.rows_per_block = queries;
        if (use < 2) s.sums = {place(sums), stride};
        if (use == 1) s.column_terms = {place(terms), columns};
        if (use == 2) s.scores = {place(scores), stride};
        s.factor = use < 2 ? 5e-5F : 0.125F;
        return s;
      };
      CodeBuffer plain(rows, columns);
      auto s = at({});
      s.out = plain.output({255.0F / 0.6F, 0, 255});
      softmax_reference(s, 0, rows);
      expect_same(plain, s.out, [&](const CodeOutput& out) {
        auto on = at({&backend()});
        on.out = out;
        kernels().softmax(on, rows);
      });
    }
  }
}

struct NormCase {
  int64_t first, second, groups, positions;
  bool first_coded;
};

TEST_P(DeviceRowsTest, GroupNormsOverASeam) {
  Draw draw(7);
  for (const auto& k :
       {NormCase{32, 0, 8, 50, false}, NormCase{7, 5, 4, 300, false}, NormCase{20, 4, 2, 1, true},
        NormCase{33, 15, 16, 513, true}, NormCase{1, 0, 1, 260, false}}) {
    const int64_t channels = k.first + k.second;
    auto x = draw.normal(kImages * k.positions * k.first, 1, 3);
    auto codes = draw.whole<uint8_t>(kImages * k.positions * k.first, 0, 255);
    auto skip = draw.normal(kImages * k.positions * (k.second + 1), 2, -5);
    auto slope = draw.normal(k.first, 0.02F), intercept = draw.normal(k.first);
    auto weight = draw.normal(channels), bias = draw.normal(channels);
    auto scale = draw.normal(kImages * channels), shift = draw.normal(kImages * channels);
    const auto count = size_t(kImages * channels);
    const vector<float> empty(count, 99);
    const auto at = [&](const Place& place) {
      GroupNorm n{.positions = k.positions, .groups = k.groups};
      n.operands[0].channels = k.first;
      if (k.first_coded) {
        n.operands[0].x.codes = {place(codes), k.first};
        n.operands[0].slope = place(slope);
        n.operands[0].intercept = place(intercept);
      } else {
        n.operands[0].x.floats = {place(x), k.first};
      }
      n.operands[1].channels = k.second;
      if (k.second > 0) n.operands[1].x.floats = {place(skip), k.second};
      n.weight = place(weight);
      n.bias = place(bias);
      n.scale = {place(scale), channels};
      n.shift = {place(shift), channels};
      return n;
    };
    vector<float> factor(count), offset(count);
    auto n = at({});
    n.factor = {factor.data(), channels};
    n.offset = {offset.data(), channels};
    group_norm_factors_reference(n, 0, kImages);
    auto on = at({&backend()});
    on.factor = {backend().put(empty), channels};
    on.offset = {backend().put(empty), channels};
    on.moments = backend().put(vector<float>(size_t(group_norm_workspace(on, kImages)), 0));
    kernels().group_norm(on, kImages);
    const auto got_factor = backend().get(on.factor.data, count);
    const auto got_offset = backend().get(on.offset.data, count);
    for (size_t i = 0; i < count; ++i) {
      ASSERT_NEAR(got_factor[i], factor[i], 2e-6 * (0.1 + std::abs(factor[i]))) << i;
      ASSERT_NEAR(got_offset[i], offset[i], 4e-6 * (1 + std::abs(offset[i]))) << i;
    }
  }
}

TEST_P(DeviceRowsTest, RowsOfHeadsFromWithinTokens) {
  // Queries of 2 heads of 5 channels, the middle third of tokens of 30 values.
  Draw draw(10);
  constexpr int64_t kTokens = 4, kHeads = 2, kWidth = 5, kToken = 3 * kHeads * kWidth;
  auto x = draw.normal(kImages * kTokens * kToken);
  constexpr int64_t kParts = kImages * kTokens * kHeads;
  const CodeRange range{40, 100, 255};
  const float* values = backend().put(x);
  uint8_t* codes = backend().put(vector<uint8_t>(size_t(kParts * kWidth), 0));
  DeviceActivate d{.a = {}, .rows = kParts, .to = {.width = kParts, .step = 1}};
  d.a.x.floats = {values + kHeads * kWidth, 1};
  d.a.channels = kWidth;
  d.a.rows_per_image = kParts;
  d.a.out = {.codes = {codes, kWidth}, .range = range};
  d.from = {.width = kHeads,
            .height = kTokens,
            .step = kWidth,
            .line = kToken,
            .image = kTokens * kToken};
  kernels().activate(d);
  const auto got = backend().get(codes, size_t(kParts * kWidth));
  const Encoder encode = encoder_of(range);
  for (int64_t i = 0; i < kParts * kWidth; ++i) {
    const int64_t token = i / (kHeads * kWidth), rest = i % (kHeads * kWidth);
    const float value = x[size_t(token * kToken + kHeads * kWidth + rest)];
    EXPECT_EQ(got[size_t(i)], encode(value * range.inverse_scale)) << i;
  }
}

TEST_P(DeviceRowsTest, TokensLast) {
  Draw draw(11);
  for (const int64_t tokens : {1, 16, 35}) {
    TokensLast t{.images = kImages, .tokens = tokens, .heads = 3, .width = 5, .in_width = 16};
    t.out_tokens = (tokens + 15) / 16 * 16;
    const auto in = draw.whole<uint8_t>(t.images * tokens * t.heads * t.in_width, 0, 255);
    vector<uint8_t> wanted(size_t(t.images * t.heads * t.width * t.out_tokens), 0);
    for (int64_t i = 0; i < int64_t(in.size()); ++i) {
      const int64_t c = i % t.in_width, head = i / t.in_width % t.heads;
      const int64_t token = i / (t.in_width * t.heads) % tokens;
      const int64_t image = i / (t.in_width * t.heads * tokens);
      if (c >= t.width) continue;
      wanted[size_t(((image * t.heads + head) * t.width + c) * t.out_tokens + token)] =
          in[size_t(i)];
    }
    t.in = backend().put(in);
    t.out = backend().put(vector<uint8_t>(wanted.size(), 77));
    kernels().tokens_last(t);
    EXPECT_EQ(backend().get(t.out, wanted.size()), wanted) << tokens;
  }
}

TEST_P(DeviceRowsTest, WindowSums) {
  Draw draw(8);
  for (const int64_t stride : {1, 2}) {
    constexpr int64_t kHeight = 5, kWidth = 6;
    auto in = draw.whole<int32_t>(kImages * kHeight * kWidth, -9999, 9999);
    WindowSums w{.height = kHeight,
                 .width = kWidth,
                 .out_height = (kHeight + 2 - 3) / stride + 1,
                 .out_width = (kWidth + 1 - 2) / stride + 1,
                 .kernel_height = 3,
                 .kernel_width = 2,
                 .stride = stride,
                 .pad_top = 1,
                 .pad_left = 1};
    const int64_t lines = kImages * w.out_height;
    vector<int32_t> plain(size_t(lines * w.out_width), 0);
    w.in = in.data();
    w.out = plain.data();
    window_sums_reference(w, 0, lines);
    w.in = backend().put(in);
    w.out = backend().put(vector<int32_t>(plain.size(), -77));
    kernels().window_sums(w, lines);
    EXPECT_EQ(backend().get(w.out, plain.size()), plain);
  }
}

TEST_P(DeviceRowsTest, DecodedCodes) {
  Draw draw(9);
  for (const int64_t channels : {1, 33, 64}) {
    auto codes = draw.whole<uint8_t>(kRows * channels, 0, 255);
    auto slope = draw.normal(channels, 0.1F), intercept = draw.normal(channels);
    auto residual = draw.normal(kRows * channels);
    for (const bool with_residual : {false, true}) {
      const auto at = [&](const Place& place) {
        Decode d{{place(codes), channels}, channels, place(slope), place(intercept), {}, {}};
        if (with_residual) d.residual = {place(residual), channels};
        return d;
      };
      vector<float> plain(residual.size(), 99);
      auto d = at({});
      d.out = {plain.data(), channels};
      decode_reference(d, 0, kRows);
      auto on = at({&backend()});
      on.out = {backend().put(vector<float>(plain.size(), 99)), channels};
      kernels().decode(on, kRows);
      const auto got = backend().get(on.out.data, plain.size());
      for (size_t i = 0; i < plain.size(); ++i) {
        ASSERT_NEAR(got[i], plain[i], 1e-6 * (20 + std::abs(plain[i])));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, DeviceRowsTest, testing::Values("EmulatedLate", "Gpu"), backend_name);

}  // namespace
}  // namespace cq::kernels::cuda
