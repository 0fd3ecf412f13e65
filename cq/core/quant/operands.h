#pragma once
// Tensors as the kernels of integer execution take them, on whatever device.
#include "cq/core/kernels/rows.h"
#include "cq/core/quant/code_image.h"
#include "cq/core/quant/quantizer.h"

namespace cq {

/// Values by image and channel, or nothing.
inline kernels::Rows<const float> channel_rows(const at::Tensor& values) {
  if (!values.defined()) return {};
  return {values.data_ptr<float>(), values.stride(0)};
}

inline const float* data_or_null(const at::Tensor& values) {
  return values.defined() ? values.data_ptr<float>() : nullptr;
}

inline kernels::CodeRange code_range(const QuantRange& range, int64_t bits) {
  return {1.0f / float(range.scale), int32_t(range.zero_point), int32_t((int64_t(1) << bits) - 1)};
}

/// Shape of an operand as lines of positions: [B, C, H, W], [B, N, C] or [B, C].
inline CodeImage::Shape shape_of(const at::Tensor& x) {
  if (x.dim() == 4) return {x.size(0), x.size(2), x.size(3), x.size(1)};
  if (x.dim() == 3) return {x.size(0), 1, x.size(1), x.size(2)};
  return {x.size(0), 1, 1, x.size(1)};
}

}  // namespace cq
