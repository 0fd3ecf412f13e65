#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cq {

/// A tensor of a step: its place among the step's allocations, and in memory.
struct StepBlock {
  size_t bytes = 0;
  int64_t born = 0;  ///< allocations of the step before it
  int64_t dies = 0;  ///< allocations of the step when it was freed; kOutlives if later
  size_t offset = 0;
  static constexpr int64_t kOutlives = -1;
  bool outlives() const { return dies == kOutlives; }
  bool meets(const StepBlock& other) const { return born < other.dies && other.born < dies; }
};

/// Gives the blocks that die within the step offsets, multiples of `alignment`, such that blocks
/// alive together do not overlap. Returns the memory needed.
size_t place_blocks(std::vector<StepBlock>& blocks, size_t alignment);

}  // namespace cq
