#include "cq/experiments/commands/common_context.h"

#include <thread>

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

#include "cq/base/error.h"
#include "cq/base/log.h"

namespace cq {

namespace {

/// Number of GPUs that libtorch can use. Its CUDA library registers itself when it is loaded.
int gpu_count() {
  static const bool loaded = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr;
  if (!loaded || !at::detail::getCUDAHooks().hasCUDA()) return 0;
  return at::detail::getCUDAHooks().getNumGPUs();
}

at::Device choose_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  const int gpus = gpu_count();
  if (name == "auto") {
    log_info("device: {}", gpus > 0 ? "cuda" : "cpu");
    return gpus > 0 ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  }
  if (name != "cuda") throw UsageError("--device {}: expected auto, cpu or cuda", name);
  if (gpus == 0) {
    throw UsageError(
        "--device cuda: no GPU that libtorch can use (its CUDA library is part of the "
        "torch that CQ_TORCH names); use --device cpu");
  }
  return at::Device(at::kCUDA, 0);
}

}  // namespace

Context make_context(const CommonOptions& options) {
  const auto machine = int64_t(std::max(1u, std::thread::hardware_concurrency()));
  const int64_t threads = options.threads > 0 ? options.threads : machine;
  at::set_num_threads(int(threads));
  // Convolutions of float32 would round their operands to 10 bits on a GPU.
  at::globalContext().setAllowTF32CuDNN(false);
  return {choose_device(options.device), threads};
}

}  // namespace cq
