#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <ATen/core/Tensor.h>

namespace cq {

/// Which row comes at each place when the rows of a contiguous [n, D] tensor of `Float` are put
/// into lexicographic order of their values.
template <class Float>
std::vector<int64_t> content_order(const at::Tensor& rows) {
  const Float* values = rows.const_data_ptr<Float>();
  const int64_t width = rows.size(1);
  std::vector<int64_t> order(static_cast<size_t>(rows.size(0)));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return std::lexicographical_compare(values + a * width, values + (a + 1) * width,
                                        values + b * width, values + (b + 1) * width);
  });
  return order;
}

}  // namespace cq
