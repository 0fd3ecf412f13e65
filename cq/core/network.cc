#include "cq/core/network.h"

#include <cmath>

namespace cq {

at::Tensor TimestepEmbedding::operator()(const at::Tensor& t) const {
  const int64_t half = width / 2;
  const auto index = at::arange(half, at::TensorOptions().dtype(at::kFloat).device(t.device()));
  const auto frequencies = at::exp(index * (-std::log(10000.0) / double(half - shift)));
  const auto angles = t.to(at::kFloat).unsqueeze(1) * frequencies.unsqueeze(0);
  return cosine_first ? at::cat({at::cos(angles), at::sin(angles)}, 1)
                      : at::cat({at::sin(angles), at::cos(angles)}, 1);
}

}  // namespace cq
