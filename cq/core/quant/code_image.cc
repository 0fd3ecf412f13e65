#include "cq/core/quant/code_image.h"

#include <algorithm>
#include <cstring>

namespace cq {

CodeImage::CodeImage(const Shape& shape, const ConvGeometry& geometry, bool sums,
                     const Placement& placement)
    : shape_(shape),
      depth_((shape.channels + placement.multiple - 1) / placement.multiple * placement.multiple) {
  const auto& p = geometry.padding;
  gap_x_ = std::max(p[0], p[1]);
  gap_y_ = std::max(p[2], p[3]);
  // The last line's right gap, and what a product may read of a row past its depth.
  constexpr int64_t kSlack = 64;
  const auto on = at::TensorOptions().device(placement.device);
  const int64_t positions = position(shape.images, 0) + gap_x_;
  codes_ = at::empty({positions * depth_ + kSlack}, on.dtype(at::kByte));
  if (sums) {
    sums_ = at::empty({shape.images * shape.height * shape.width}, on.dtype(at::kInt));
  }
}

void CodeImage::fill_gaps(uint8_t zero_point) const {
  if (!has_gaps()) return;
  uint8_t* at = codes();
  const auto fill = [&](int64_t from, int64_t to) {
    std::memset(at + from * depth_, zero_point, size_t((to - from) * depth_));
  };
  for (int64_t b = 0; b < shape_.images; ++b) {
    fill(position(b, 0) - gap_y_ * line() - gap_x_, position(b, 0));
    for (int64_t y = 0; y + 1 < shape_.height; ++y) {
      fill(position(b, y) + shape_.width, position(b, y + 1));
    }
  }
  const int64_t end = position(shape_.images - 1, shape_.height - 1) + shape_.width;
  fill(end, position(shape_.images, 0) + gap_x_);
}

void CodeImage::clear_sums() const {
  if (sums_.defined()) sums_.zero_();
}

void CodeImage::fill(uint8_t zero_point) const {
  codes_.fill_(zero_point);
}

}  // namespace cq
