#include "cq/core/kernels/int4.h"

namespace cq::kernels {

void unpack_int4(const UnpackInt4& u, int64_t first, int64_t last) {
  unpack_int4_reference(u, first, last);
}

}  // namespace cq::kernels
