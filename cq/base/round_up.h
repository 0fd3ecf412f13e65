#pragma once

namespace cq {

/// The least multiple of `multiple` that is not below `n`, of whole numbers from 0 on.
template <class T>
constexpr T round_up(T n, T multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

}  // namespace cq
