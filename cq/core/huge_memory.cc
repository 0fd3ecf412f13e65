#include "cq/core/huge_memory.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <ATen/ops/from_blob.h>
#include <malloc.h>
#include <sys/mman.h>

#include "cq/base/error.h"

namespace cq {

namespace {

constexpr size_t kHugePage = size_t(1) << 21, kPiece = 16 * kHugePage, kLine = 64;

size_t round_up(size_t n, size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

/// Pages that are not touched take no memory.
std::shared_ptr<std::byte> map_piece(size_t size) {
  const size_t mapped = size + kHugePage;  // to begin at a huge page
  void* at = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) {
    throw RunError("no memory for {} bytes of weights: {}", size, std::strerror(errno));
  }
  const std::shared_ptr<std::byte> whole(static_cast<std::byte*>(at),
                                         [mapped](std::byte* p) { munmap(p, mapped); });
  const auto address = reinterpret_cast<size_t>(at);
  auto* aligned = whole.get() + (round_up(address, kHugePage) - address);
  madvise(aligned, size, MADV_HUGEPAGE);  // without it, only slower
  return {whole, aligned};
}

}  // namespace

void return_freed_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

at::Tensor HugeMemory::bytes(int64_t n) {
  const size_t needed = round_up(size_t(n), kLine);
  if (used_ + needed > size_) {
    size_ = round_up(std::max(needed, kPiece), kHugePage);
    piece_ = map_piece(size_);
    used_ = 0;
  }
  auto* data = piece_.get() + used_;
  used_ += needed;
  return at::from_blob(
      data, {n}, [piece = piece_](void*) {}, at::TensorOptions().dtype(at::kByte));
}

}  // namespace cq
