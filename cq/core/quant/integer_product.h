#pragma once
#include <vector>

#include "cq/core/kernels/rows.h"
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
  int64_t dimensions;  ///< of the result: 4 of images, 3 of tokens, 2 of vectors
};

/// Where the result goes when only the next layer reads it: activated and quantized, as its input.
struct CodeSink {
  Activation act = Activation::none;
  kernels::CodeOutput out;
  int64_t channels = 0;
};

/// Sum over the sides of their products, plus bias, channel bias, times gate, plus residual, as
/// float32: [B, O, H', W'] channels-last of a convolution, [B, N, O] or [B, O] of a linear layer.
at::Tensor integer_product(const ProductEngine& engine, const std::vector<ProductSide>& sides,
                           const ProductEnd& end);

/// Whether a unit's product can go to codes of what follows: a linear layer whose outputs are so
/// many equal parts of whole blocks (values and gates of geglu; queries, keys and values).
bool can_end_in_codes(const ProductEngine& engine, const Unit& unit, int64_t parts);
/// The same to codes, its floats never leaving the cache. Each sink takes an equal part of the
/// outputs.
void integer_product_to_codes(const ProductEngine& engine, const std::vector<ProductSide>& sides,
                              const ProductEnd& end, const std::vector<CodeSink>& sinks);

/// An empty tensor for the result of so many dimensions, of codes of shape `codes`.
at::Tensor product_output(const Unit& unit, int64_t dimensions, const CodeImage::Shape& codes,
                          const at::Device& device);

}  // namespace cq
