#include "cq/experiments/commands/about.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cq/base/version.h"
#include "cq/core/kernels/cuda/cuda_kernels.h"

namespace cq {
namespace {

TEST(About, SaysWhatCudaHas) {
  const auto text = about_text();
  EXPECT_THAT(text, testing::StartsWith(version_line() + "\nCUDA kernels: "));
  const auto compiled = kernels::cuda_compiled_for(), missing = kernels::cuda_missing();
  if (compiled.empty()) {
    EXPECT_THAT(text, testing::EndsWith("none; this program was built without CUDA kernels (CMake "
                                        "found no CUDA compiler, or CQ_CUDA=OFF)"));
  } else {
    EXPECT_THAT(compiled, testing::MatchesRegex("CUDA [0-9.]+ for .+"));
    EXPECT_THAT(text, testing::HasSubstr(compiled + "; "));
  }
  EXPECT_THAT(text, testing::EndsWith(missing));
}

}  // namespace
}  // namespace cq
