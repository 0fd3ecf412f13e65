#pragma once
#include <cstdint>

#include <c10/util/FunctionRef.h>

namespace cq {

/// at::parallel_for: body(first, last) on parts of [begin, end) of `grain` or more, on libtorch's
/// threads. ATen's own is a header whose threads come from the compiler's OpenMP flag; here it is
/// compiled once, with it.
void parallel_for(int64_t begin, int64_t end, int64_t grain,
                  c10::function_ref<void(int64_t first, int64_t last)> body);

}  // namespace cq
