#include "cq/experiments/training/augment.h"

#include <ATen/ops/index.h>
#include <ATen/ops/reflection_pad2d.h>
#include <ATen/ops/tensor.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include "cq/experiments/training/draws.h"

namespace cq {

namespace {

/// 0, 1 ... n - 1 on the device of `like`.
at::Tensor count(int64_t n, const at::Tensor& like) {
  return at::arange(n, like.options().dtype(at::kLong));
}

}  // namespace

at::Tensor flip_some(const at::Tensor& images, at::Generator& generator) {
  const auto flip = draw_uniform({images.size(0), 1, 1, 1}, generator) < 0.5;
  return at::where(flip, images.flip(3), images);
}

at::Tensor blur_some(const at::Tensor& images, double probability, at::Generator& generator) {
  // In bfloat16, to which a GPU's autocast would take it, pixels would lose bits.
  const c10::impl::ExcludeDispatchKeyGuard exact(c10::autocast_dispatch_keyset);
  const auto line = at::tensor({0.25F, 0.5F, 0.25F});
  const auto kernel = (line.unsqueeze(1) * line.unsqueeze(0)).expand({3, 1, 3, 3}).contiguous();
  const auto blurred = at::convolution(images, kernel.to(images.options(), /*non_blocking=*/true),
                                       {}, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 3);
  const auto chosen = draw_uniform({images.size(0), 1, 1, 1}, generator) < probability;
  return at::where(chosen, blurred, images);
}

at::Tensor crop_shifted(const at::Tensor& images, at::Generator& generator) {
  constexpr int64_t kMost = 4;
  const int64_t n = images.size(0);
  const auto padded = at::reflection_pad2d(images, {kMost, kMost, kMost, kMost});
  const auto shifts = (draw_uniform({n, 2}, generator) * double(2 * kMost + 1)).to(at::kLong);
  const auto rows = shifts.narrow(1, 0, 1) + count(images.size(2), images);     // [n, H]
  const auto columns = shifts.narrow(1, 1, 1) + count(images.size(3), images);  // [n, W]
  return at::index(padded, {count(n, images).view({n, 1, 1, 1}),
                            count(images.size(1), images).view({1, -1, 1, 1}),
                            rows.view({n, 1, -1, 1}), columns.view({n, 1, 1, -1})});
}

namespace {

/// [n, length] bool: positions from centre - size / 2 on, `size` of them, for a random centre each.
at::Tensor random_span(int64_t n, int64_t length, int64_t size, at::Generator& generator) {
  const auto centre = (draw_uniform({n, 1}, generator) * double(length)).to(at::kLong);
  const auto first = centre - size / 2;
  const auto at = count(length, first).unsqueeze(0);
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

at::Tensor draw_shares(int64_t n, double probability, at::Generator& generator) {
  const auto shares = draw_uniform({n}, generator);
  return shares.masked_fill(draw_uniform({n}, generator) >= probability, 1);
}

at::Tensor mix(const at::Tensor& images, const at::Tensor& shares) {
  const auto share = shares.view({-1, 1, 1, 1});
  return share * images + (1 - share) * images.roll(1, 0);
}

}  // namespace cq
