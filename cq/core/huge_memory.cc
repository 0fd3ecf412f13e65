#include "cq/core/huge_memory.h"

#include <algorithm>

#include <ATen/ops/from_blob.h>
#include <malloc.h>
#include <sys/mman.h>

#include "cq/base/error.h"
#include "cq/base/round_up.h"

namespace cq {

namespace {

constexpr size_t kHugePage = size_t(1) << 21, kPiece = 16 * kHugePage, kLine = 64;

}  // namespace

std::shared_ptr<std::byte> map_huge(size_t bytes) {
  const size_t mapped = bytes + kHugePage;  // to begin at a huge page
  void* at = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return {};
  const std::shared_ptr<std::byte> whole(static_cast<std::byte*>(at),
                                         [mapped](std::byte* p) { munmap(p, mapped); });
  const auto address = reinterpret_cast<size_t>(at);
  auto* aligned = whole.get() + (round_up(address, kHugePage) - address);
  madvise(aligned, bytes, MADV_HUGEPAGE);  // without it, only slower
  return {whole, aligned};
}

void return_freed_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

DirectLargeTensors::DirectLargeTensors() {
#ifdef __GLIBC__
  constexpr int kLarge = 4 << 20;
  mallopt(M_MMAP_THRESHOLD, kLarge);
#endif
}

DirectLargeTensors::~DirectLargeTensors() {
#ifdef __GLIBC__
  // Where glibc's own adjustment, which ends with the first call above, comes to rest.
  constexpr int kMostInHeap = 32 << 20;
  mallopt(M_MMAP_THRESHOLD, kMostInHeap);
  mallopt(M_TRIM_THRESHOLD, 2 * kMostInHeap);
#endif
}

at::Tensor HugeMemory::bytes(int64_t n) {
  const size_t needed = round_up(size_t(n), kLine);
  if (used_ + needed > size_) {
    size_ = round_up(std::max(needed, kPiece), kHugePage);
    piece_ = map_huge(size_);
    if (!piece_) throw RunError("no memory for {} bytes of weights", size_);
    used_ = 0;
  }
  auto* data = piece_.get() + used_;
  used_ += needed;
  return at::from_blob(
      data, {n}, [piece = piece_](void*) {}, at::TensorOptions().dtype(at::kByte));
}

}  // namespace cq
