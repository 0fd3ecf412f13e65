#include "cq/core/kernels/layer_norm.h"

#include "tests/core/kernels/kernel_cases.h"

namespace cq::kernels {
namespace {

void compare(LayerNorm n, int64_t rows) {
  CodeBuffer fast(rows, n.channels), plain(rows, n.channels);
  const CodeRange range{1 / 0.04F, 120, 255};
  n.out = plain.output(range);
  layer_norm_reference(n, 0, rows);
  n.out = fast.output(range);
  layer_norm(n, 0, 1);
  layer_norm(n, 1, rows);
  expect_same_codes(fast, plain, n.out);
}

TEST(LayerNorm, EveryCombinationAtEveryWidth) {
  on_each_target([] {
    Draw draw(1);
    for (const int64_t channels : kWidths) {
      const int64_t images = 2, tokens = 5, rows = images * tokens, stride = channels + 2;
      const auto x = draw.normal(rows * stride, 2, 1);
      const auto weight = draw.normal(channels), bias = draw.normal(channels);
      const auto chunks = draw.normal(images * 6 * channels);
      for (int bits = 0; bits < 8; ++bits) {
        LayerNorm n;
        n.x = rows_of(x, stride);
        n.channels = channels;
        n.rows_per_image = tokens;
        if ((bits & 1) != 0) n.weight = weight.data();
        if ((bits & 2) != 0) n.bias = bias.data();
        if ((bits & 4) != 0) {
          n.scale = {chunks.data() + channels, 6 * channels};
          n.shift = {chunks.data(), 6 * channels};
        }
        compare(n, rows);
      }
    }
  });
}

TEST(LayerNorm, Activations) {
  on_each_target([] {
    Draw draw(2);
    const auto x = draw.normal(4 * 100);
    for (const Act act : {Act::silu, Act::gelu_tanh, Act::gelu_erf, Act::quick_gelu, Act::relu}) {
      LayerNorm n;
      n.x = rows_of(x, 100);
      n.channels = 100;
      n.act = act;
      compare(n, 4);
    }
  });
}

TEST(LayerNorm, LargeMeansAndConstantRows) {
  on_each_target([] {
    Draw draw(3);
    auto x = draw.normal(8 * 320, 1, 1000);
    std::fill(x.begin(), x.begin() + 320, 7.0F);
    LayerNorm n;
    n.x = rows_of(x, 320);
    n.channels = 320;
    n.eps = 1e-6;
    compare(n, 8);
  });
}

}  // namespace
}  // namespace cq::kernels
