#include "cq/core/kernels/int4.h"

namespace cq::kernels {

void unpack_int4_reference(const UnpackInt4& u, int64_t first, int64_t last) {
  for (int64_t r = first; r < last; ++r) {
    for (int64_t c = 0; c < u.columns; ++c) {
      const int code = u.packed.row(r)[c / 2] >> (c % 2 * 4) & 15;
      u.out.row(r)[c] = int8_t(code - u.zero_points[r]);
    }
  }
}

}  // namespace cq::kernels
