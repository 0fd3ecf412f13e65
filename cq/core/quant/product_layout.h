#pragma once
#include <vector>

#include "cq/core/quant/integer_product.h"

namespace cq {

/// Rows that a block of a product has at most.
inline constexpr int64_t kProductRows = 128;

/// How output positions are laid out as rows of the product. Positions of a segment are counted
/// along the code image, gaps included, so that rows are equally far apart; what gaps give is left.
struct ProductLayout {
  int64_t images = 1, out_height = 1, out_width = 1;
  int64_t line = 0;  ///< positions from one line of outputs to the next
  int64_t stride = 1;
  int64_t lines_per_segment = 1;  ///< all lines of an image, or one
  bool merged = false;            ///< lines follow each other without a break and count as one
  int64_t segments() const { return images * out_height / lines_per_segment; }
  int64_t positions() const { return (lines_per_segment - 1) * line + out_width; }
  int64_t blocks_per_segment() const { return (positions() + kProductRows - 1) / kProductRows; }
  int64_t blocks() const { return segments() * blocks_per_segment(); }
};

/// `per_image`: rows of different images must be told apart.
ProductLayout product_layout(const Unit& unit, const CodeImage& codes, bool per_image);

/// Factors by output channel, side by side, and everything that is added by channel.
struct Coefficients {
  std::vector<float> factor[2], zero[2], bias;
};

Coefficients coefficients_of(const std::vector<ProductSide>& sides, const at::Tensor& bias);

/// Sums of the inputs of each window, where the weight has zero points; undefined where they are
/// those of the positions.
at::Tensor window_sums_of(const Unit& unit, const ProductSide& side, const ProductLayout& l);

}  // namespace cq
