#pragma once
// From a product to the values of the layer, and from codes to values.
#include "cq/core/kernels/rows.h"

namespace cq::kernels {

/// Correction of a zero point: sums[row] factor[c] is added.
struct RowTerm {
  const int32_t* sums = nullptr;  ///< [rows], or null: no such term
  const float* factor = nullptr;  ///< [channels]
};

/// out = product factor[c] + bias[c] + row terms + addend + channel_bias[image][c],
/// then times gate[image][c], plus residual. What is null is left out. `out` may be the memory of
/// the product, the addend or the residual (with the same stride).
struct Epilogue {
  Rows<const int32_t> sums = {};    ///< the product: 32-bit sums or
  Rows<const float> products = {};  ///< floats; one of the two
  int64_t channels = 0;
  int64_t rows_per_image = 1;
  const float* factor = nullptr;  ///< [channels]
  const float* bias = nullptr;    ///< [channels]
  RowTerm terms[2] = {};          ///< one for each side of a seam
  Rows<const float> addend = {};
  Rows<const float> channel_bias = {};  ///< [images][channels]
  Rows<const float> gate = {};          ///< [images][channels]
  Rows<const float> residual = {};
  Rows<float> out = {};
};
void epilogue(const Epilogue& e, int64_t first, int64_t last);
void epilogue_reference(const Epilogue& e, int64_t first, int64_t last);

/// out = code slope[c] + intercept[c] (+ residual): a cached feature, dequantized and corrected.
struct Decode {
  Rows<const uint8_t> codes;
  int64_t channels = 0;
  const float* slope = nullptr;      ///< [channels]
  const float* intercept = nullptr;  ///< [channels]
  Rows<const float> residual = {};   ///< may be the memory of `out`
  Rows<float> out;
};
void decode(const Decode& d, int64_t first, int64_t last);
void decode_reference(const Decode& d, int64_t first, int64_t last);

}  // namespace cq::kernels
