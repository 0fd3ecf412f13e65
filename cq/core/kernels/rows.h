#pragma once
// What the kernels of integer execution share. They work on rows (a position, a token) of
// contiguous channels, on raw memory, and allocate nothing. Threads are the caller's: a kernel
// takes the range [first, last) of rows that it shall do, counted over all images of the batch,
// and calls on distinct ranges may run at once. Pointers are those of row 0 whatever the range.
// Arguments are not checked: their callers have.
#include <cstdint>

namespace cq::kernels {

/// Rows `stride` values apart; null data: there are none.
template <class T>
struct Rows {
  T* data = nullptr;
  int64_t stride = 0;
  // constexpr, so that CUDA code may call them.
  constexpr T* row(int64_t i) const { return data + i * stride; }
  constexpr explicit operator bool() const { return data != nullptr; }
};

/// Operand of a kernel: floats, or codes of a quantized tensor; one of the two.
struct Values {
  Rows<const float> floats = {};
  Rows<const uint8_t> codes = {};
};

/// The quantizer that codes are made with, code = clamp(round(x inverse_scale) + zero_point, 0,
/// top), halves to even: bit for bit what simulated quantization (at::fake_quantize_...) rounds to
/// when inverse_scale = 1.0f / float(scale). NaN gives some code.
struct CodeRange {
  float inverse_scale = 1;
  int32_t zero_point = 0;  ///< 0..top
  int32_t top = 255;       ///< 2^bits - 1, at most 255
};

/// Where codes go.
struct CodeOutput {
  Rows<uint8_t> codes;
  CodeRange range;
  /// Stores code - 128 as s8: right operands of library products are signed.
  bool as_signed = false;
  /// [rows][segments]: sums of code - zero_point over each of `segments` equal parts of a row
  /// (attention heads), or null. Zero points of the other operand are corrected with it.
  int32_t* sums = nullptr;
  int64_t segments = 1;
};

/// As cq::Activation.
enum class Act { none, silu, gelu_tanh, gelu_erf, geglu, quick_gelu, relu };

}  // namespace cq::kernels
