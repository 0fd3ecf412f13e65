#pragma once
// Exact integer products on every instruction set: 16-bit operands (codes with their zero points
// already taken off), 32-bit sums. It is what runs where u8 x s8 products would go through
// saturating 16-bit sums, and where both operands only exist at run time (attention).
#include <cstdint>

namespace cq::kernels {

/// Outputs of one weight panel.
inline constexpr int64_t kPanel = 24;

/// Some rows of an implicit product. Row r of the left operand is the concatenation, over taps, of
/// `depth` values from rows[r] + taps[t]: a linear layer has one tap, a convolution kh kw.
struct WideProduct {
  const int16_t* const* rows;
  int64_t row_count;
  const int64_t* taps;  ///< offsets in values
  int64_t tap_count;
  int64_t depth;         ///< values of a tap, even
  const int16_t* panel;  ///< [tap][depth / 2][kPanel][2]
};

/// sums [row_count][kPanel] = the products. The caller bounds |sum| below 2^31.
void wide_product(const WideProduct& product, int32_t* sums);
/// The same in plain C++: the tests' oracle.
void wide_product_reference(const WideProduct& product, int32_t* sums);

/// Values of a panel of `taps` taps of `depth` values.
constexpr int64_t panel_size(int64_t taps, int64_t depth) {
  return taps * depth * kPanel;
}

/// How 32-bit sums become floats:
///   y = sum scale[o] + bias[o] (+ the value that is there) (+ channel_bias[o]), then gate[o] y +
///   residual.
struct Dequantize {
  const float* scale;         ///< [count]
  const float* bias;          ///< [count], or null
  const float* channel_bias;  ///< [count], or null
  const float* gate;          ///< [count], or null
  const float* residual;      ///< row_count rows `stride` apart, or null
  bool accumulate;            ///< adds to what `out` holds
  int64_t count;              ///< outputs of the panel that exist, at most kPanel
  int64_t row_count;
  int64_t stride;  ///< floats between rows of out and of residual
};
void dequantize(const Dequantize& d, const int32_t* sums, float* out);
void dequantize_reference(const Dequantize& d, const int32_t* sums, float* out);

/// Name of the instruction set that is used, for instance "AVX2".
const char* wide_product_target();

}  // namespace cq::kernels
