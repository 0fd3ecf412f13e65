#pragma once
// Pieces of the reference versions: float64 until the float32 value that is rounded to a code.
#include "cq/core/kernels/rows.h"

namespace cq::kernels {

/// Every activation but geglu, which takes two values.
double act_reference(Act act, double x);
double gelu_erf_reference(double x);

/// The code before `as_signed`.
int32_t code_reference(float x, const CodeRange& range);

/// Writes the codes of a row and, where wanted, the sums of its segments.
template <class Value>  // float Value(int64_t channel)
void store_codes_reference(const CodeOutput& out, int64_t row, int64_t channels, Value value) {
  const int64_t segment = channels / out.segments;
  for (int64_t c = 0; c < channels; ++c) {
    const int32_t code = code_reference(value(c), out.range);
    out.codes.row(row)[c] = uint8_t(out.as_signed ? code - 128 : code);
    if (out.sums == nullptr) continue;
    int32_t& sum = out.sums[row * out.segments + c / segment];
    if (c % segment == 0) sum = 0;
    sum += code - out.range.zero_point;
  }
}

}  // namespace cq::kernels
