#include <algorithm>

#include "cq/core/quant/device_layer.h"
#include "cq/core/quant/operands.h"

namespace cq {

namespace {

using kernels::DeviceKernels;
using kernels::DeviceProduct;

/// Output positions and the kernel's size.
struct Geometry {
  int64_t images, height, width, kernel_height, kernel_width;
  int64_t rows() const { return images * height * width; }
};

Geometry geometry_of(const Unit& unit, const CodeImage& codes) {
  const auto& s = codes.shape();
  const auto& p = unit.conv.padding;
  const int64_t kh = unit.is_conv() ? unit.weight.size(2) : 1;
  const int64_t kw = unit.is_conv() ? unit.weight.size(3) : 1;
  return {s.images, (s.height + p[2] + p[3] - kh) / unit.conv.stride + 1,
          (s.width + p[0] + p[1] - kw) / unit.conv.stride + 1, kh, kw};
}

DeviceProduct product_of(const Unit& unit, const DeviceSide& side, const Geometry& g) {
  const auto& codes = *side.codes;
  const auto& padding = unit.conv.padding;
  const int64_t depth = codes.depth(), line = codes.line() * depth, stride = unit.conv.stride;
  const auto& weight = side.weight->rows;
  DeviceProduct p;
  p.a = codes.codes() + (codes.position(0, 0) - padding[0]) * depth - padding[2] * line;
  p.rows_at = {.width = g.width,
               .height = g.height,
               .step = stride * depth,
               .line = stride * line,
               .image = codes.image() * depth};
  p.a_tap = line;
  p.b = weight.data_ptr<int8_t>();
  p.b_column = g.kernel_height * g.kernel_width * depth;
  p.rows = g.rows();
  p.columns = weight.size(0);
  p.taps = g.kernel_height;
  p.depth = g.kernel_width * depth;
  return p;
}

/// Sums of the inputs of each window: those of the codes where a window is a position.
at::Tensor sums_of_windows(const DeviceKernels& kernels, const Unit& unit, const CodeImage& codes,
                           const Geometry& g) {
  const auto& s = codes.shape();
  const auto out = at::empty({g.rows()}, unit.weight.options().dtype(at::kInt));
  kernels.window_sums({.in = codes.sums(),
                       .out = out.data_ptr<int32_t>(),
                       .height = s.height,
                       .width = s.width,
                       .out_height = g.height,
                       .out_width = g.width,
                       .kernel_height = g.kernel_height,
                       .kernel_width = g.kernel_width,
                       .stride = unit.conv.stride,
                       .pad_top = unit.conv.padding[2],
                       .pad_left = unit.conv.padding[0]},
                      g.images * g.height);
  return out;
}

kernels::Coefficients coefficients_of(const DeviceSide& side, const float* bias,
                                      const int32_t* row_sums) {
  const auto& w = *side.weight;
  return {.scale = float(side.range.scale),
          .zero_point = int32_t(side.range.zero_point),
          .weight_scale = w.scale.data_ptr<float>(),
          .weight_zero = w.zero.data_ptr<float>(),
          .column_sums = w.column_sums.data_ptr<float>(),
          .slope = side.slope,
          .offset = side.offset,
          .bias = bias,
          .row_sums = row_sums};
}

/// A side's product, the terms of its zero points; `windows` keeps what those are read from.
DeviceProduct side_product(const DeviceKernels& kernels, const Unit& unit, const DeviceSide& side,
                           const float* bias, at::Tensor& windows) {
  const auto g = geometry_of(unit, *side.codes);
  const int32_t* row_sums = nullptr;
  if (side.weight->has_zero) {
    const bool whole =
        g.kernel_height * g.kernel_width == 1 && unit.conv.stride == 1 && !side.codes->has_gaps();
    if (!whole) windows = sums_of_windows(kernels, unit, *side.codes, g);
    row_sums = whole ? side.codes->sums() : windows.data_ptr<int32_t>();
  }
  auto p = product_of(unit, side, g);
  p.coefficients = coefficients_of(side, bias, row_sums);
  p.end.rows_per_image = g.height * g.width;
  return p;
}

}  // namespace

at::Tensor device_product(const DeviceKernels& kernels, const std::vector<DeviceSide>& sides,
                          const ProductEnd& end) {
  const auto& unit = *end.unit;
  const auto& in = *end.input;
  const auto out = product_output(unit, end.dimensions, sides[0].codes->shape(),
                                  sides[0].codes->bytes().device());
  const int64_t outputs = unit.out_channels();
  for (size_t i = 0; i < sides.size(); ++i) {
    const auto& side = sides[i];
    at::Tensor windows;
    auto p = side_product(kernels, unit, side, i == 0 ? data_or_null(unit.bias) : nullptr, windows);
    p.end.out = {out.data_ptr<float>(), outputs};
    if (i > 0) p.end.addend = {out.data_ptr<float>(), outputs};
    if (i + 1 == sides.size()) {
      p.end.channel_bias = channel_rows(in.channel_bias);
      p.end.gate = channel_rows(in.gate);
      if (in.residual.defined()) p.end.residual = {in.residual.data_ptr<float>(), outputs};
    }
    kernels.product(p);
  }
  return out;
}

void device_product_to_codes(const DeviceKernels& kernels, const Unit& unit, const DeviceSide& side,
                             Activation act, const std::vector<kernels::CodeColumns>& sinks) {
  at::Tensor windows;
  auto p = side_product(kernels, unit, side, data_or_null(unit.bias), windows);
  p.parts = int64_t(sinks.size());
  p.act = kernels::Act(int(act));
  std::copy(sinks.begin(), sinks.end(), p.codes);
  kernels.product(p);
}

}  // namespace cq
