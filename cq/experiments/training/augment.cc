#include "cq/experiments/training/augment.h"

#include <ATen/ops/rand.h>
#include <ATen/ops/tensor.h>

namespace cq {

at::Tensor blur_some(const at::Tensor& images, double probability, at::Generator& generator) {
  const auto line = at::tensor({0.25F, 0.5F, 0.25F});
  const auto kernel = (line.unsqueeze(1) * line.unsqueeze(0)).expand({3, 1, 3, 3}).contiguous();
  const auto blurred =
      at::convolution(images, kernel, {}, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 3);
  const auto chosen = at::rand({images.size(0), 1, 1, 1}, generator) < probability;
  return at::where(chosen, blurred, images);
}

at::Tensor crop_shifted(const at::Tensor& images, at::Generator& generator) {
  const int64_t n = images.size(0), size = images.size(3);
  const auto padded = at::constant_pad_nd(images, {4, 4, 4, 4}, -1);
  const auto shifts = (at::rand({n, 2}, generator) * 9).to(at::kLong);
  auto out = at::empty_like(images);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t dy = shifts[i][0].item<int64_t>(), dx = shifts[i][1].item<int64_t>();
    out[i].copy_(padded[i].narrow(1, dy, size).narrow(2, dx, size));
  }
  return out;
}

namespace {

/// [n, length] bool: positions from centre - size / 2 on, `size` of them, for a random centre each.
at::Tensor random_span(int64_t n, int64_t length, int64_t size, at::Generator& generator) {
  const auto first = (at::rand({n, 1}, generator) * double(length)).to(at::kLong) - size / 2;
  const auto at = at::arange(length, at::kLong).unsqueeze(0);
  return at.ge(first).logical_and(at.lt(first + size));
}

}  // namespace

at::Tensor cut_out(const at::Tensor& images, int64_t size, at::Generator& generator) {
  if (size == 0) return images;
  const int64_t n = images.size(0);
  const auto rows = random_span(n, images.size(2), size, generator).view({n, 1, -1, 1});
  const auto columns = random_span(n, images.size(3), size, generator).view({n, 1, 1, -1});
  return images.masked_fill(rows.logical_and(columns), 0);
}

}  // namespace cq
