#pragma once
#include <cstdint>
#include <random>
#include <vector>

namespace cq {

/// NumPy's `RandomState(seed).permutation(n)`, draw for draw (MT19937 and masked rejection), so
/// that the subsets that published metric packages draw can be drawn here.
class NumpyRandom {
 public:
  explicit NumpyRandom(uint32_t seed);
  std::vector<int64_t> permutation(int64_t n);
  /// `RandomState.choice(n, size, replace=False)`: the first `size` of a permutation.
  std::vector<int64_t> choice(int64_t n, int64_t size);

 private:
  uint32_t interval(uint32_t largest);

  std::mt19937 engine_;
};

}  // namespace cq
