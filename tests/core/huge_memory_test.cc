#include "cq/core/huge_memory.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace cq {
namespace {

TEST(HugeMemory, TensorsLieApartAtCacheLines) {
  HugeMemory memory;
  std::vector<at::Tensor> tensors;
  // The last are larger than what is left of a piece, and than a piece.
  for (const int64_t n : {1, 64, 65, 1000, 20'000'000, 20'000'000, 50'000'000}) {
    tensors.push_back(memory.bytes(n));
    EXPECT_EQ(tensors.back().numel(), n);
    EXPECT_EQ(tensors.back().scalar_type(), at::kByte);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensors.back().data_ptr()) % 64, 0U);
  }
  for (size_t i = 0; i < tensors.size(); ++i) tensors[i].fill_(int64_t(i));
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(tensors[i].min().item<int64_t>(), int64_t(i));
    EXPECT_EQ(tensors[i].max().item<int64_t>(), int64_t(i));
  }
}

TEST(HugeMemory, TensorsOutliveIt) {
  at::Tensor kept;
  {
    HugeMemory memory;
    const auto dropped = memory.bytes(100);
    kept = memory.bytes(100);
  }
  kept.fill_(7);
  EXPECT_EQ(kept.to(at::kLong).sum().item<int64_t>(), 700);
}

TEST(HugeMemory, OfNothingIsEmpty) {
  HugeMemory memory;
  EXPECT_EQ(memory.bytes(0).numel(), 0);
}

}  // namespace
}  // namespace cq
