#pragma once
#include <cstdint>

#include "cq/core/tensor.h"

namespace cq {

/// Standard normal noise of single images: image i of a run with seed s always draws the same
/// numbers, whatever batch, thread, process or machine computes it (counter-based Philox, key
/// s + i; the stream number separates the initial noise from that of the steps).
class NoiseSource {
 public:
  /// Images first, first+1, ... of a run with this seed.
  NoiseSource(uint64_t seed, int64_t first_image) : seed_(seed), first_(first_image) {}
  /// Fresh noise [n, shape...] float32 on the CPU, for images first .. first + n - 1.
  at::Tensor draw(int64_t n, at::IntArrayRef shape, uint64_t stream) const;

 private:
  uint64_t seed_;
  int64_t first_;
};

}  // namespace cq
