#include "cq/core/out_of_memory.h"

#include <string_view>

#include <c10/util/Exception.h>

namespace cq {

bool is_out_of_memory(const std::exception& error) noexcept {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  const auto* torch = dynamic_cast<const c10::Error*>(&error);
  if (torch == nullptr) return false;
  // Without the backtrace, in which names of functions could match.
  const std::string_view text = torch->what_without_backtrace();
  for (const std::string_view told :
       {"DefaultCPUAllocator: can't allocate memory", "DefaultCPUAllocator: not enough memory",
        "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"}) {
    if (text.find(told) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace cq
