#pragma once
// Affine, activation and quantization in one pass:
//   codes = quantize(act(factor[c] x[c] + offset[c])).
// Group norms come as factors (group_norm.h). With codes as x and no activation it brings a cached
// feature to another scale and correction: one multiply-add and a rounding.
#include "cq/core/kernels/rows.h"

namespace cq::kernels {

struct Activate {
  Values x;              ///< rows of `channels` values; geglu: of 2 `channels`, value | gate
  int64_t channels = 0;  ///< of the output
  /// [images][channels] factors and offsets, both or none (none with geglu, nor, with codes as x,
  /// with pooling). An operand of a concatenation points into the rows of the whole.
  Rows<const float> factor = {};
  Rows<const float> offset = {};
  int64_t rows_per_image = 1;
  Act act = Act::none;
  CodeOutput out;
};

void activate(const Activate& a, int64_t first, int64_t last);
void activate_reference(const Activate& a, int64_t first, int64_t last);

/// The sums of rows (out.sums) whose codes, `channels` in a row, are there already.
void code_sums(const CodeOutput& out, int64_t channels, int64_t first, int64_t last);

/// 2x2 average pooling between activation and quantization, from images of `in_width` wide rows of
/// `in_positions` positions; a last odd row or column is dropped, as at::avg_pool2d does.
struct Pooling {
  int64_t in_positions = 0;
  int64_t in_width = 0;
  int64_t out_width = 0;
};
/// activate() with pooling: rows and `rows_per_image` are those of the output; floats only.
void activate_pooled(const Activate& a, const Pooling& pooling, int64_t first, int64_t last);
void activate_pooled_reference(const Activate& a, const Pooling& pooling, int64_t first,
                               int64_t last);

}  // namespace cq::kernels
