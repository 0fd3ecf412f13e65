#pragma once
// The GPU, for tests that say why they are skipped where there is none.
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

#include "cq/core/tensor.h"

namespace cq::testing {

/// Why libtorch has no GPU here; empty if it has.
inline std::string no_gpu() {
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) return dlerror();
  return at::detail::getCUDAHooks().hasCUDA() ? "" : "libtorch finds no GPU";
}

}  // namespace cq::testing
