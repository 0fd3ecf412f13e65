#pragma once
#include <cstddef>
#include <memory>

#include "cq/core/tensor.h"

namespace cq {

/// `bytes` that begin at a huge page and for which the system is asked for huge pages; pages that
/// are not touched take no memory. Null where there is none.
std::shared_ptr<std::byte> map_huge(size_t bytes);

/// While it lives, tensors of 4 MB and more go back to the system when they are freed, and leave no
/// holes in the heap: a first stage in floats peaks at what lives at once (a sixth less with
/// LDM-4). Each such tensor's pages are cleared anew, which steps, whose tensors have an arena, are
/// spared.
class DirectLargeTensors {
 public:
  DirectLargeTensors();
  ~DirectLargeTensors();
  DirectLargeTensors(const DirectLargeTensors&) = delete;
  DirectLargeTensors& operator=(const DirectLargeTensors&) = delete;
};

/// Memory for many tensors that live about as long, in pieces for which the system is asked for
/// huge pages: what reads all of them in turn, as products do their weights, looks up fewer
/// addresses.
class HugeMemory {
 public:
  /// [n] of kByte, at a cache line. A piece lives as long as a tensor in it does.
  at::Tensor bytes(int64_t n);

 private:
  std::shared_ptr<std::byte> piece_;
  size_t size_ = 0, used_ = 0;
};

/// Gives freed memory back to the system, where the C library can: after work with many temporaries
/// whose room nothing will need.
void return_freed_memory();

}  // namespace cq
