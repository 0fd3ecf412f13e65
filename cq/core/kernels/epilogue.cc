#include "cq/core/kernels/epilogue.h"

namespace cq::kernels {

void epilogue(const Epilogue& e, int64_t first, int64_t last) {
  epilogue_reference(e, first, last);
}
void decode(const Decode& d, int64_t first, int64_t last) {
  decode_reference(d, first, last);
}

}  // namespace cq::kernels
