#include "cq/experiments/commands/common_context.h"

#include <thread>

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <sched.h>

#include "cq/base/error.h"
#include "cq/base/log.h"

namespace cq {

namespace {

struct Gpus {
  int count = 0;
  std::string missing;  ///< why there are none
};

/// The GPUs that libtorch can use. Its CUDA library registers itself when it is loaded, which must
/// be before libtorch is first asked for one.
Gpus find_gpus() {
  static const std::string fault = [] {
    const bool loaded = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr;
    const char* why = loaded ? "" : dlerror();
    return std::string(why);
  }();
  if (!fault.empty()) return {0, fault};
  const int count =
      at::detail::getCUDAHooks().hasCUDA() ? at::detail::getCUDAHooks().getNumGPUs() : 0;
  return {count, count > 0 ? "" : "its driver shows none"};
}

at::Device choose_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  const auto gpus = find_gpus();
  if (name == "auto") {
    log_info("device: {}", gpus.count > 0 ? "cuda" : "cpu");
    return gpus.count > 0 ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  }
  if (name != "cuda") throw UsageError("--device {}: expected auto, cpu or cuda", name);
  if (gpus.count == 0) {
    throw UsageError(
        "--device cuda: no GPU that libtorch can use (its CUDA library is part of the "
        "torch that CQ_TORCH names): {}; use --device cpu",
        gpus.missing);
  }
  return at::Device(at::kCUDA, 0);
}

/// Processors that this process may run on: a batch system or taskset may hold it to a few, and
/// more threads than those wait for each other.
int64_t usable_processors() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return CPU_COUNT(&allowed);
  return int64_t(std::max(1u, std::thread::hardware_concurrency()));  // more than a set holds
}

}  // namespace

Context make_context(const CommonOptions& options) {
  const int64_t threads = options.threads > 0 ? options.threads : usable_processors();
  at::set_num_threads(int(threads));
  // Convolutions of float32 would round their operands to 10 bits on a GPU.
  at::globalContext().setAllowTF32CuDNN(false);
  return {choose_device(options.device), threads};
}

}  // namespace cq
