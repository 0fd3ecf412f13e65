// Stands in for cq/core/kernels/cuda where there is no CUDA compiler.
#include "cq/core/kernels/cuda/cuda_kernels.h"

#include "cq/base/error.h"

namespace cq::kernels {

namespace {

[[noreturn]] void refuse() {
  throw RunError("[cuda] {}", cuda_missing());
}

}  // namespace

std::string cuda_compiled_for() {
  return {};
}
std::string cuda_missing() {
  return "this program was built without CUDA kernels (CMake found no CUDA compiler, or "
         "CQ_CUDA=OFF)";
}
std::string cuda_device() {
  refuse();
}
std::unique_ptr<DeviceKernels> make_cuda_kernels(void* (*)(), bool) {
  refuse();
}
CudaBuffer::CudaBuffer(int64_t, const void*) {
  refuse();
}
CudaBuffer::~CudaBuffer() = default;
void CudaBuffer::read(void*, int64_t) const {
  refuse();
}
void cuda_wait() {
  refuse();
}

}  // namespace cq::kernels
