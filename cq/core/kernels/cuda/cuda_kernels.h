#pragma once
// The kernels on NVIDIA GPUs; where CMake finds no CUDA compiler, no_cuda/cuda_kernels.cc stands
// in.
#include <memory>
#include <string>

#include "cq/core/kernels/device_kernels.h"

namespace cq::kernels {

/// What the kernels were compiled for, as "CUDA 13.0, sm_80 sm_90, PTX of 90"; empty without them.
std::string cuda_compiled_for();

/// Why kernels cannot run here (not compiled in, no driver, no GPU of compute capability 8.0 or
/// later); empty if they can.
std::string cuda_missing();

/// The GPU in use and its compute capability, as "NAME, 9.0". Throws RunError where cuda_missing().
std::string cuda_device();

/// Kernels on the calling thread's current GPU and the stream (a cudaStream_t) that
/// `current_stream` names at each launch. Throws RunError where cuda_missing(). Launches throw
/// RunError naming the kernel when CUDA refuses them; what fails later is reported by a later call.
/// With `portable` no GPU gets kernels that others cannot run.
std::unique_ptr<DeviceKernels> make_cuda_kernels(void* (*current_stream)(), bool portable = false);

/// Memory of the GPU for tests and benchmarks that have no libtorch there, filled with a copy of
/// `bytes` bytes at `from` if that is there. Throws RunError.
class CudaBuffer {
 public:
  CudaBuffer(int64_t bytes, const void* from);
  ~CudaBuffer();
  CudaBuffer(const CudaBuffer&) = delete;
  CudaBuffer& operator=(const CudaBuffer&) = delete;
  void* data() const { return data_; }
  /// Waits for all launches before it and copies the first `bytes` bytes back.
  void read(void* to, int64_t bytes) const;

 private:
  void* data_ = nullptr;
};

/// Waits for all launches. Throws RunError with what went wrong in one of them.
void cuda_wait();

}  // namespace cq::kernels
