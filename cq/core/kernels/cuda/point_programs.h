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

/// kDeviceDepth tokens of one channel: `channel` = (image * heads + head) * width + channel of the
/// head. Threads that are neighbours in channels read neighbouring bytes.
CQ_DEVICE void tokens_of_channel(const TokensLast& t, int64_t channel, int64_t first) {
  struct alignas(kDeviceDepth) Chunk {
    uint32_t words[kDeviceDepth / 4];
  };
  const int64_t head = channel / t.width, token = t.heads * t.in_width;
  const uint8_t* from = t.in + head / t.heads * t.tokens * token + head % t.heads * t.in_width +
                        channel % t.width + first * token;
  Chunk chunk = {};
  CQ_UNROLL
  for (int i = 0; i < int(kDeviceDepth); ++i) {
    const uint32_t code = first + i < t.tokens ? from[i * token] : 0;
    chunk.words[i / 4] |= code << (i % 4 * 8);
  }
  *reinterpret_cast<Chunk*>(t.out + channel * t.out_tokens + first) = chunk;
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
