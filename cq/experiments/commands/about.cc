#include "cq/experiments/commands/about.h"

#include <fmt/format.h>

#include "cq/base/version.h"
#include "cq/core/kernels/cuda/cuda_kernels.h"

namespace cq {

std::string about_text() {
  const auto compiled = kernels::cuda_compiled_for(), missing = kernels::cuda_missing();
  return fmt::format("{}\nCUDA kernels: {}; {}", version_line(),
                     compiled.empty() ? "none" : compiled,
                     missing.empty() ? kernels::cuda_device() : missing);
}

}  // namespace cq
