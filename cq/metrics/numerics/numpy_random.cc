#include "cq/metrics/numerics/numpy_random.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace cq {

NumpyRandom::NumpyRandom(uint32_t seed) : engine_(seed) {}

uint32_t NumpyRandom::interval(uint32_t largest) {
  const uint32_t mask = static_cast<uint32_t>((uint64_t{1} << std::bit_width(largest)) - 1);
  uint32_t value;
  do {
    value = static_cast<uint32_t>(engine_()) & mask;
  } while (value > largest);
  return value;
}

std::vector<int64_t> NumpyRandom::permutation(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i-- > 1;) {
    std::swap(order[i], order[interval(static_cast<uint32_t>(i))]);
  }
  return order;
}

std::vector<int64_t> NumpyRandom::choice(int64_t n, int64_t size) {
  std::vector<int64_t> order = permutation(n);
  order.resize(static_cast<size_t>(std::min(n, size)));
  return order;
}

}  // namespace cq
