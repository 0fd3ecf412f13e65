#pragma once
#include <cstdint>

#include <c10/util/FunctionRef.h>

namespace cq {

/// body(first, last) on parts of [begin, end), of `grain` or more but for the last ones, on
/// libtorch's threads. Each thread has a share and takes part after part of it; one that is done
/// takes from the ends of the others' shares, as threads are rarely equally fast. (at::parallel_for
/// gives each thread one part, and is a header whose threads come from the compiler's OpenMP flag.)
void parallel_for(int64_t begin, int64_t end, int64_t grain,
                  c10::function_ref<void(int64_t first, int64_t last)> body);

}  // namespace cq
