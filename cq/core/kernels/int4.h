#pragma once
// Weights of four bits.
#include "cq/core/kernels/rows.h"

namespace cq::kernels {

/// Rows of unsigned codes, two to a byte (even columns in the low half; an odd row ends in a half
/// that is 0), to code - zero_point in s8.
struct UnpackInt4 {
  Rows<const uint8_t> packed;
  int64_t columns = 0;
  const uint8_t* zero_points = nullptr;  ///< [rows], 0..15
  Rows<int8_t> out;
};
void unpack_int4(const UnpackInt4& u, int64_t first, int64_t last);
void unpack_int4_reference(const UnpackInt4& u, int64_t first, int64_t last);

}  // namespace cq::kernels
