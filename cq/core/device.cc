#include "cq/core/device.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <cpuinfo.h>

#include "cq/core/kernels/cuda/cuda_kernels.h"

namespace cq {

void synchronize(const c10::Device& device) {
  if (device.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(device.index());
}

std::string hardware_name(const c10::Device& device) {
  if (device.is_cuda() && kernels::cuda_missing().empty()) return kernels::cuda_device();
  if (device.is_cpu() && cpuinfo_initialize()) return cpuinfo_get_package(0)->name;
  return device.str();
}

}  // namespace cq
