#pragma once
#include <vector>

#include "cq/core/quant/code_image.h"
#include "cq/core/quant/integer_weights.h"

namespace cq {

/// One side of a unit's product: codes of its input times its weight, then slope y + offset.
struct ProductSide {
  const PackedWeight* weight = nullptr;
  const CodeImage* codes = nullptr;
  QuantRange range;               ///< of the codes
  const float* slope = nullptr;   ///< [O], of an error correction, or null
  const float* offset = nullptr;  ///< [O], with slope
};

/// The rest of the layer: what is added and multiplied after the product, and its shape.
struct ProductEnd {
  const Unit* unit = nullptr;
  const UnitInput* input = nullptr;
};

/// Sum over the sides of their products, plus bias, channel bias, times gate, plus residual, as
/// float32: [B, O, H', W'] channels-last where `codes` are images of a convolution, [B, N, O] or
/// [B, O] in the shape of `like` for linear layers.
at::Tensor integer_product(const ProductEngine& engine, const std::vector<ProductSide>& sides,
                           const ProductEnd& end);

/// An empty tensor for the result, on the device of the input: of codes of shape `codes`.
at::Tensor product_output(const Unit& unit, const UnitInput& in, const CodeImage::Shape& codes);

}  // namespace cq
