#pragma once
#include <vector>

#include "cq/core/huge_memory.h"
#include "cq/core/quant/product_engine.h"
#include "cq/core/quant/quantizer.h"

namespace cq {

/// The codes of a weight, 0 .. 2^bits - 1, as u8 in the weight's shape.
at::Tensor quantize_weight(const at::Tensor& weight, const WeightRanges& ranges, int64_t bits);

/// scale (code - zero point), float32.
at::Tensor dequantize_weight(const at::Tensor& codes, const WeightRanges& ranges);

/// Weight of one side of a unit, ready for products: w = scale[o] (stored - zero[o]).
///
/// Up to 7 bits, code - zero point fits s8 and is what is stored: zero is 0. At 8 bits code - 128
/// is stored and zero = zero point - 128, whose part in the product, zero[o] times the sum of the
/// inputs, is added afterwards; symmetric weights have none.
struct PackedWeight {
  OperandShape shape;
  at::Tensor packed;               ///< in the engine's layout
  std::vector<float> scale;        ///< [O]
  std::vector<float> zero;         ///< [O]
  std::vector<float> column_sums;  ///< [O], of the stored values
  bool has_zero = false;           ///< any zero[o] is not 0
};

/// The same before packing: rows of bytes, s8 [O, kh, kw, I'], and [O] vectors, on the device of
/// the codes.
struct WeightRows {
  at::Tensor rows, scale, zero, column_sums;
  bool has_zero = false;
};
/// Of codes [O, I, kh, kw] or [O, I]; I' is I rounded up to `multiple`. Groups and errors as below.
WeightRows weight_rows(const std::string& layer, const at::Tensor& codes,
                       const WeightRanges& ranges, int64_t bits, int64_t groups, int64_t multiple);

/// Packs codes [O, I, kh, kw] or [O, I] of a convolution of `groups` groups (as a dense one: codes
/// elsewhere are the zero point). A tap is a row of the kernel, kw I' deep, with I' the inputs
/// rounded up to a multiple of 4. Throws RunError naming `layer` where sums may pass 32 bits.
PackedWeight pack_weight(const ProductEngine& engine, const std::string& layer,
                         const at::Tensor& codes, const WeightRanges& ranges, int64_t bits,
                         int64_t groups, HugeMemory& memory);

/// What depths are rounded up to for the CPU's engines.
inline constexpr int64_t kCodeMultiple = 4;
constexpr int64_t code_depth(int64_t channels, int64_t multiple = kCodeMultiple) {
  return (channels + multiple - 1) / multiple * multiple;
}

}  // namespace cq
