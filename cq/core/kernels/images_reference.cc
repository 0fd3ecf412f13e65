#include "cq/core/kernels/images.h"

namespace cq::kernels {

void upsample_reference(const Upsample& u, int64_t first_line, int64_t last_line) {
  for (int64_t line = first_line; line < last_line; ++line) {
    for (int64_t x = 0; x < 2 * u.width; ++x) {
      for (int64_t c = 0; c < u.channels; ++c) {
        u.out.row(line * 2 * u.width + x)[c] = u.in.row(line / 2 * u.width + x / 2)[c];
      }
    }
  }
}

void window_sums_reference(const WindowSums& w, int64_t first_line, int64_t last_line) {
  for (int64_t line = first_line; line < last_line; ++line) {
    const int64_t image = line / w.out_height, top = line % w.out_height * w.stride - w.pad_top;
    for (int64_t x = 0; x < w.out_width; ++x) {
      int32_t sum = 0;
      for (int64_t ky = 0; ky < w.kernel_height; ++ky) {
        for (int64_t kx = 0; kx < w.kernel_width; ++kx) {
          const int64_t iy = top + ky, ix = x * w.stride - w.pad_left + kx;
          if (iy < 0 || iy >= w.height || ix < 0 || ix >= w.width) continue;
          sum += w.in[(image * w.height + iy) * w.width + ix];
        }
      }
      w.out[line * w.out_width + x] = sum;
    }
  }
}

}  // namespace cq::kernels
