#pragma once
// Kernels whose results know nothing of one another: one thread to each.
#include "cq/core/kernels/cuda/elements.h"
#include "cq/core/kernels/device_kernels.h"

namespace cq::kernels::cuda {

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

}  // namespace cq::kernels::cuda
