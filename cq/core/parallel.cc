#include "cq/core/parallel.h"

#include <ATen/Parallel.h>

namespace cq {

void parallel_for(int64_t begin, int64_t end, int64_t grain,
                  c10::function_ref<void(int64_t first, int64_t last)> body) {
  at::parallel_for(begin, end, grain, body);
}

}  // namespace cq
