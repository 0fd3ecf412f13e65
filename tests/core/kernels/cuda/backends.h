#pragma once
// Where the tests run the CUDA kernels: always in the emulation, with copies that land early and
// late, and on the GPU where there is one.
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cq/core/kernels/cuda/cuda_kernels.h"
#include "tests/core/kernels/cuda/emulation.h"

namespace cq::kernels::cuda {

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const DeviceKernels& kernels() const = 0;
  /// A copy of the values that kernels may work on, aligned as memory of a device is.
  template <class T>
  T* put(const std::vector<T>& values) {
    return static_cast<T*>(put_bytes(values.data(), int64_t(values.size() * sizeof(T))));
  }
  /// What kernels left at `from`, which put() returned, once they are done.
  template <class T>
  std::vector<T> get(const T* from, size_t count) const {
    std::vector<T> values(count);
    get_bytes(from, values.data(), int64_t(count * sizeof(T)));
    return values;
  }

 private:
  virtual void* put_bytes(const void* from, int64_t bytes) = 0;
  virtual void get_bytes(const void* from, void* to, int64_t bytes) const = 0;
};

class EmulatedBackend : public Backend {
 public:
  explicit EmulatedBackend(Landing landing) : kernels_(landing) {}
  const DeviceKernels& kernels() const override { return kernels_; }

 private:
  struct Free {
    void operator()(uint8_t* p) const { ::operator delete[](p, std::align_val_t(256)); }
  };
  // Of the exact size, so that a sanitizer sees what lies outside.
  void* put_bytes(const void* from, int64_t bytes) override {
    auto* made = static_cast<uint8_t*>(::operator new[](size_t(bytes), std::align_val_t(256)));
    memory_.emplace_back(made);
    std::memcpy(made, from, size_t(bytes));
    return made;
  }
  void get_bytes(const void* from, void* to, int64_t bytes) const override {
    std::memcpy(to, from, size_t(bytes));
  }
  EmulatedKernels kernels_;
  std::vector<std::unique_ptr<uint8_t[], Free>> memory_;
};

class GpuBackend : public Backend {
 public:
  /// `portable`: with the kernels that every GPU has.
  explicit GpuBackend(bool portable)
      : kernels_(make_cuda_kernels([]() -> void* { return nullptr; }, portable)) {}
  const DeviceKernels& kernels() const override { return *kernels_; }

 private:
  void* put_bytes(const void* from, int64_t bytes) override {
    return memory_.emplace_back(std::make_unique<CudaBuffer>(bytes, from))->data();
  }
  void get_bytes(const void* from, void* to, int64_t bytes) const override {
    cuda_wait();
    for (const auto& buffer : memory_) {
      if (buffer->data() == from) return buffer->read(to, bytes);
    }
    FAIL() << "no memory of the device";
  }
  std::unique_ptr<DeviceKernels> kernels_;
  std::vector<std::unique_ptr<CudaBuffer>> memory_;
};

/// Tests once for each backend, named Emulated..., Gpu or PortableGpu; the GPU's are skipped, with
/// the reason, where there is none.
class DeviceTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!GetParam().ends_with("Gpu")) {
      backend_ = std::make_unique<EmulatedBackend>(GetParam() == "EmulatedLate" ? Landing::late
                                                                                : Landing::early);
      return;
    }
    if (const auto missing = cuda_missing(); !missing.empty()) GTEST_SKIP() << missing;
    backend_ = std::make_unique<GpuBackend>(GetParam() == "PortableGpu");
  }
  Backend& backend() { return *backend_; }
  const DeviceKernels& kernels() { return backend_->kernels(); }

 private:
  std::unique_ptr<Backend> backend_;
};

/// Gives pointers of a kernel's struct: those of host memory, for the reference, or of a backend.
struct Place {
  Backend* backend = nullptr;
  template <class T>
  T* operator()(std::vector<T>& values) const {
    return backend == nullptr ? values.data() : backend->put(values);
  }
};

inline std::string backend_name(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}

}  // namespace cq::kernels::cuda
