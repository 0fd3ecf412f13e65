#include "cq/core/out_of_memory.h"

#include <new>

#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

namespace cq {
namespace {

template <class Act>
bool tells(Act act) {
  try {
    act();
  } catch (const std::exception& error) {
    return is_out_of_memory(error);
  }
  ADD_FAILURE() << "nothing is thrown";
  return false;
}

TEST(OutOfMemory, OfTheCpusAllocator) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer's allocator ends the program instead";
#endif
  // A pebibyte is more than an address space of 47 bits holds.
  EXPECT_TRUE(tells([] { at::empty({int64_t(1) << 50}, at::kByte); }));
}

TEST(OutOfMemory, OfAGpu) {
  EXPECT_TRUE(tells([] {
    TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory. Tried to allocate 2.00 GiB.");
  }));
  EXPECT_TRUE(tells([] { TORCH_CHECK(false, "CUDA error: out of memory"); }));
}

TEST(OutOfMemory, IsNoOtherError) {
  EXPECT_FALSE(tells([] { at::matmul(at::ones({2, 3}), at::ones({2, 3})); }));
  EXPECT_FALSE(tells([] { TORCH_CHECK(false, "CUDA error: an illegal memory access"); }));
  EXPECT_FALSE(tells([] { throw std::runtime_error("not enough memory"); }));
}

}  // namespace
}  // namespace cq
