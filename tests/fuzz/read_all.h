#pragma once
#include "cq/core/tensor.h"

namespace cq::fuzz {

/// Reads every value of every tensor that is small enough for a million inputs.
template <class File>
void read_all(const File& file) {
  constexpr int64_t kMost = 1 << 20;
  for (const auto& name : file.names()) {
    int64_t numel = 1;
    for (const int64_t size : file.info(name).shape) {
      numel = size == 0 ? 0 : (numel > kMost / size ? kMost + 1 : numel * size);
    }
    if (numel > kMost) continue;
    const at::Tensor tensor = file.tensor(name);
    const auto* bytes = static_cast<const volatile uint8_t*>(tensor.const_data_ptr());
    for (size_t i = 0; i < tensor.nbytes(); ++i) static_cast<void>(bytes[i]);
  }
}

}  // namespace cq::fuzz
