#pragma once
// Kernels whose results know nothing of one another: one thread to each.
#include "cq/core/kernels/cuda/elements.h"
#include "cq/core/kernels/device_kernels.h"

namespace cq::kernels::cuda {

/// What becomes of the sum of row r and channel c.
CQ_DEVICE float epilogue_value(const Epilogue& e, int64_t r, int64_t c, int32_t sum) {
  const int64_t image = r / e.rows_per_image;
  auto y = float(sum);
  if (e.factor != nullptr) y *= e.factor[c];
  if (e.bias != nullptr) y += e.bias[c];
  CQ_UNROLL
  for (int i = 0; i < 2; ++i) {
    const auto& term = e.terms[i];
    if (term.sums != nullptr) y = fmaf(float(term.sums[r]), term.factor[c], y);
  }
  if (e.addend) y += e.addend.row(r)[c];
  if (e.channel_bias) y += e.channel_bias.row(image)[c];
  if (e.gate) y *= e.gate.row(image)[c];
  if (e.residual) y += e.residual.row(r)[c];
  return y;
}

CQ_DEVICE void decode_value(const Decode& d, int64_t r, int64_t c) {
  float y = fmaf(float(d.codes.row(r)[c]), d.slope[c], d.intercept[c]);
  if (d.residual) y += d.residual.row(r)[c];
  d.out.row(r)[c] = y;
}

/// The window at column x of an output line.
CQ_DEVICE void window_sum(const WindowSums& w, int64_t line, int64_t x) {
  const int64_t image = line / w.out_height, top = line % w.out_height * w.stride - w.pad_top;
  int32_t sum = 0;
  for (int64_t iy = top; iy < top + w.kernel_height; ++iy) {
    for (int64_t kx = 0; kx < w.kernel_width; ++kx) {
      const int64_t ix = x * w.stride - w.pad_left + kx;
      if (iy < 0 || iy >= w.height || ix < 0 || ix >= w.width) continue;
      sum += w.in[(image * w.height + iy) * w.width + ix];
    }
  }
  w.out[line * w.out_width + x] = sum;
}

CQ_DEVICE void coefficients_of(const Coefficients& k, int64_t c) {
  const double slope = k.slope == nullptr ? 1 : double(k.slope[c]);
  const double factor = k.scale * double(k.weight_scale[c]) * slope;
  double bias = k.bias == nullptr ? 0 : double(k.bias[c]);
  bias -= factor * k.zero_point * double(k.column_sums[c]);
  if (k.offset != nullptr) bias += double(k.offset[c]);
  k.factor[c] = float(factor);
  k.zero[c] = float(-factor * double(k.weight_zero[c]));
  k.bias_out[c] = float(bias);
}

}  // namespace cq::kernels::cuda
