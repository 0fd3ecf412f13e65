#include "cq/core/kernels/images.h"

#include <algorithm>
#include <cstring>

// Copies and a few whole-number sums a position: memcpy and the compiler's own vectors do.
namespace cq::kernels {

void upsample(const Upsample& u, int64_t first_line, int64_t last_line) {
  const auto bytes = size_t(u.channels);
  for (int64_t line = first_line; line < last_line; ++line) {
    for (int64_t x = 0; x < u.width; ++x) {
      const uint8_t* from = u.in.row(line / 2 * u.width + x);
      const int64_t to = line * 2 * u.width + 2 * x;
      std::memcpy(u.out.row(to), from, bytes);
      std::memcpy(u.out.row(to + 1), from, bytes);
    }
  }
}

void window_sums(const WindowSums& w, int64_t first_line, int64_t last_line) {
  for (int64_t line = first_line; line < last_line; ++line) {
    const int64_t image = line / w.out_height, top = line % w.out_height * w.stride - w.pad_top;
    int32_t* out = w.out + line * w.out_width;
    std::fill(out, out + w.out_width, 0);
    for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + w.kernel_height, w.height);
         ++y) {
      const int32_t* in = w.in + (image * w.height + y) * w.width;
      for (int64_t kx = 0; kx < w.kernel_width; ++kx) {
        // Outputs x whose column x stride + left is inside the image.
        const int64_t left = kx - w.pad_left;
        const int64_t begin = left >= 0 ? 0 : (-left + w.stride - 1) / w.stride;
        const int64_t end =
            left >= w.width ? 0 : std::min(w.out_width, (w.width - 1 - left) / w.stride + 1);
        if (w.stride == 1) {
          for (int64_t x = begin; x < end; ++x) out[x] += in[x + left];
        } else {
          for (int64_t x = begin; x < end; ++x) out[x] += in[x * w.stride + left];
        }
      }
    }
  }
}

}  // namespace cq::kernels
