#pragma once
#include "cq/core/quant/quantizer.h"
#include "cq/core/tensor.h"

namespace cq {

/// A cached feature as integer execution holds it: uint8 codes of a float32 feature [B, C, H, W]
/// or [B, N, C], in its shape, channels last.
at::Tensor encode_feature(const at::Tensor& value, const QuantRange& range);
/// Values of codes, times slope [C] plus offset [C] (undefined: 1 and 0): one multiply-add.
at::Tensor decode_feature(const at::Tensor& codes, const QuantRange& range, const at::Tensor& slope,
                          const at::Tensor& offset);

}  // namespace cq
