#include "cq/core/kernels/cuda/cuda_kernels.h"

#include "cq/base/error.h"
#include "cq/core/kernels/cuda/launch.h"

namespace cq::kernels {

namespace cuda {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw RunError("[cuda] {}: {}", what, cudaGetErrorString(status));
}

}  // namespace cuda

namespace {

using cuda::check;

constexpr int kLeastMajor = 8, kHopper = 9;

cudaDeviceProp properties() {
  int device = 0;
  check(cudaGetDevice(&device), "current device");
  cudaDeviceProp found{};
  check(cudaGetDeviceProperties(&found, device), "device properties");
  return found;
}

class CudaKernels : public DeviceKernels {
 public:
  CudaKernels(void* (*current_stream)(), bool portable)
      : current_stream_(current_stream),
        name_(cuda_device()),
        is_hopper_(!portable && properties().major == kHopper) {}
  std::string name() const override { return name_; }
  void product(const DeviceProduct& p) const override {
    if (is_hopper_ && cuda::takes_sm90(p)) {
      cuda::launch_product_sm90(p, stream());
    } else {
      cuda::launch_product(p, stream());
    }
  }
  void group_norm(const GroupNorm& n, int64_t images) const override {
    cuda::launch_group_norm(n, images, stream());
  }
  void activate(const DeviceActivate& a) const override { cuda::launch_activate(a, stream()); }
  void layer_norm(const DeviceLayerNorm& n) const override { cuda::launch_layer_norm(n, stream()); }
  void softmax(const Softmax& s, int64_t rows) const override {
    cuda::launch_softmax(s, rows, stream());
  }
  void attention(const DeviceAttention& a) const override { cuda::launch_attention(a, stream()); }
  void tokens_last(const TokensLast& t) const override { cuda::launch_tokens_last(t, stream()); }
  void window_sums(const WindowSums& w, int64_t lines) const override {
    cuda::launch_window_sums(w, lines, stream());
  }
  void decode(const Decode& d, int64_t rows) const override {
    cuda::launch_decode(d, rows, stream());
  }

 private:
  cudaStream_t stream() const { return static_cast<cudaStream_t>(current_stream_()); }

  void* (*current_stream_)();
  std::string name_;
  bool is_hopper_;
};

}  // namespace

std::string cuda_compiled_for() {
  return CQ_CUDA_COMPILED_FOR;
}

std::string cuda_missing() {
  int devices = 0;
  const auto status = cudaGetDeviceCount(&devices);
  if (status == cudaErrorInsufficientDriver) {
    return "no GPU: no NVIDIA driver, or one older than this CUDA";
  }
  if (status != cudaSuccess) return fmt::format("no GPU: {}", cudaGetErrorString(status));
  if (devices == 0) return "no GPU";
  const auto found = properties();
  if (found.major >= kLeastMajor) return {};
  return fmt::format("{} has compute capability {}.{}; the kernels need {}.0", found.name,
                     found.major, found.minor, kLeastMajor);
}

std::string cuda_device() {
  if (const auto missing = cuda_missing(); !missing.empty()) throw RunError("[cuda] {}", missing);
  const auto found = properties();
  return fmt::format("{}, {}.{}", found.name, found.major, found.minor);
}

std::unique_ptr<DeviceKernels> make_cuda_kernels(void* (*current_stream)(), bool portable) {
  return std::make_unique<CudaKernels>(current_stream, portable);
}

CudaBuffer::CudaBuffer(int64_t bytes, const void* from) {
  check(cudaMalloc(&data_, size_t(bytes)), "memory");
  if (from != nullptr) {
    check(cudaMemcpy(data_, from, size_t(bytes), cudaMemcpyHostToDevice), "copy to the device");
  }
}
CudaBuffer::~CudaBuffer() {
  cudaFree(data_);
}
void CudaBuffer::read(void* to, int64_t bytes) const {
  check(cudaMemcpy(to, data_, size_t(bytes), cudaMemcpyDeviceToHost), "copy from the device");
}

void cuda_wait() {
  check(cudaDeviceSynchronize(), "a kernel");
}

}  // namespace cq::kernels
