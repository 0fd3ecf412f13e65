#include "cq/core/step_plan.h"

#include <algorithm>
#include <numeric>

namespace cq {

size_t place_blocks(std::vector<StepBlock>& blocks, size_t alignment) {
  std::vector<size_t> order;
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (!blocks[i].outlives()) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return blocks[a].bytes > blocks[b].bytes; });
  std::vector<size_t> placed;  // by offset
  size_t needed = 0;
  for (const size_t i : order) {
    auto& block = blocks[i];
    size_t at = 0;
    for (const size_t other : placed) {
      const auto& o = blocks[other];
      if (!block.meets(o)) continue;
      if (o.offset >= at + block.bytes) break;
      at = std::max(at, (o.offset + o.bytes + alignment - 1) / alignment * alignment);
    }
    block.offset = at;
    needed = std::max(needed, at + block.bytes);
    const auto after =
        std::upper_bound(placed.begin(), placed.end(), at,
                         [&](size_t offset, size_t p) { return offset < blocks[p].offset; });
    placed.insert(after, i);
  }
  return needed;
}

}  // namespace cq
