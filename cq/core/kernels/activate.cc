#include "cq/core/kernels/activate.h"

namespace cq::kernels {

void activate(const Activate& a, int64_t first, int64_t last) {
  activate_reference(a, first, last);
}
void activate_pooled(const Activate& a, const Pooling& p, int64_t first, int64_t last) {
  activate_pooled_reference(a, p, first, last);
}

}  // namespace cq::kernels
