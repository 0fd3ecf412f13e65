#include "cq/core/device.h"

#include <ATen/detail/CUDAHooksInterface.h>

namespace cq {

void synchronize(const c10::Device& device) {
  if (device.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(device.index());
}

}  // namespace cq
