#include "cq/core/quant/product_layout.h"

#include <algorithm>

#include "cq/core/kernels/images.h"
#include "cq/core/parallel.h"

namespace cq {

ProductLayout product_layout(const Unit& unit, const CodeImage& codes, bool per_image) {
  const auto& s = codes.shape();
  const auto& g = unit.conv;
  ProductLayout l;
  l.images = s.images;
  const int64_t kh = unit.is_conv() ? unit.weight.size(2) : 1;
  const int64_t kw = unit.is_conv() ? unit.weight.size(3) : 1;
  l.out_height = (s.height + g.padding[2] + g.padding[3] - kh) / g.stride + 1;
  l.out_width = (s.width + g.padding[0] + g.padding[1] - kw) / g.stride + 1;
  l.line = codes.line();
  l.stride = g.stride;
  if (kh * kw == 1 && g.stride == 1 && !codes.has_gaps()) {
    // Rows follow each other without a break, through all images where they need not be told apart.
    l.out_width *= per_image ? l.out_height : l.out_height * l.images;
    l.images = per_image ? l.images : 1;
    l.out_height = 1;
    l.merged = true;
    return l;
  }
  // With a stride, half of the positions or more are not wanted: worth it for short lines only.
  constexpr int64_t kLongLine = 16;
  if (g.stride == 1 || l.out_width < kLongLine) l.lines_per_segment = l.out_height;
  return l;
}

Coefficients coefficients_of(const std::vector<ProductSide>& sides, const at::Tensor& bias) {
  Coefficients c;
  const int64_t outputs = sides[0].weight->shape.columns;
  std::vector<double> sum(size_t(outputs), 0);
  if (bias.defined()) std::copy_n(bias.data_ptr<float>(), outputs, sum.begin());
  for (size_t i = 0; i < sides.size(); ++i) {
    const auto& s = sides[i];
    c.factor[i].resize(size_t(outputs));
    c.zero[i].resize(size_t(outputs));
    for (size_t o = 0; o < size_t(outputs); ++o) {
      const double slope = s.slope == nullptr ? 1 : double(s.slope[o]);
      const double factor = s.range.scale * double(s.weight->scale[o]) * slope;
      c.factor[i][o] = float(factor);
      c.zero[i][o] = float(-factor * double(s.weight->zero[o]));
      sum[o] -= factor * double(s.range.zero_point) * double(s.weight->column_sums[o]);
      if (s.offset != nullptr) sum[o] += double(s.offset[o]);
    }
  }
  c.bias.assign(sum.begin(), sum.end());
  return c;
}

at::Tensor window_sums_of(const Unit& unit, const ProductSide& side, const ProductLayout& l) {
  const auto& s = side.codes->shape();
  const auto& g = unit.conv;
  const int64_t kh = unit.is_conv() ? unit.weight.size(2) : 1;
  const int64_t kw = unit.is_conv() ? unit.weight.size(3) : 1;
  if (kh * kw == 1 && g.stride == 1 && !side.codes->has_gaps()) return {};
  const int64_t lines = l.images * l.out_height;
  auto out = at::empty({lines * l.out_width}, at::kInt);
  const kernels::WindowSums w{.in = side.codes->sums(),
                              .out = out.data_ptr<int32_t>(),
                              .height = s.height,
                              .width = s.width,
                              .out_height = l.out_height,
                              .out_width = l.out_width,
                              .kernel_height = kh,
                              .kernel_width = kw,
                              .stride = g.stride,
                              .pad_top = g.padding[2],
                              .pad_left = g.padding[0]};
  parallel_for(0, lines, 16, [&](int64_t a, int64_t b) { kernels::window_sums(w, a, b); });
  return out;
}

}  // namespace cq
