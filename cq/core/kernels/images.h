#pragma once
// Kernels that move between positions of an image.
#include "cq/core/kernels/rows.h"

namespace cq::kernels {

/// Codes to twice the size, nearest neighbour. Lines are rows of the output image, counted
/// image * 2 height + y.
struct Upsample {
  Rows<const uint8_t> in;  ///< [images][height][width] positions
  Rows<uint8_t> out;       ///< [images][2 height][2 width] positions
  int64_t channels = 0;
  int64_t width = 0;  ///< of the input
};
void upsample(const Upsample& u, int64_t first_line, int64_t last_line);
void upsample_reference(const Upsample& u, int64_t first_line, int64_t last_line);

/// Sums over the windows of a convolution of what each position holds (a position's sum of
/// code - zero_point), padding counting 0. Lines are rows of the output image, counted
/// image * out_height + y.
struct WindowSums {
  const int32_t* in = nullptr;  ///< [images][height][width]
  int32_t* out = nullptr;       ///< [images][out_height][out_width]
  int64_t height = 0, width = 0, out_height = 0, out_width = 0;
  int64_t kernel_height = 1, kernel_width = 1, stride = 1, pad_top = 0, pad_left = 0;
};
void window_sums(const WindowSums& w, int64_t first_line, int64_t last_line);
void window_sums_reference(const WindowSums& w, int64_t first_line, int64_t last_line);

}  // namespace cq::kernels
