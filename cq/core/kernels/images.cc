#include "cq/core/kernels/images.h"

namespace cq::kernels {

void upsample(const Upsample& u, int64_t first, int64_t last) {
  upsample_reference(u, first, last);
}
void window_sums(const WindowSums& w, int64_t first, int64_t last) {
  window_sums_reference(w, first, last);
}

}  // namespace cq::kernels
