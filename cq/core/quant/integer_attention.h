#pragma once
#include "cq/core/quant/product_engine.h"
#include "cq/core/quant/quantizer.h"

namespace cq {

/// Ranges of an attention's operands at one step.
struct AttentionRanges {
  QuantRange q, k, v, p;  ///< p: the softmax's output
  int64_t act_bits = 8;
  int64_t softmax_bits = 8;
};

/// softmax(q k^T / sqrt(d)) v with q, k, v and the softmax's output quantized and both products in
/// integers. q [B, N, H d], k and v [B, M, H d] float32 with contiguous rows -> [B, N, H d].
at::Tensor integer_attention(const ProductEngine& engine, const at::Tensor& q, const at::Tensor& k,
                             const at::Tensor& v, int64_t heads, const AttentionRanges& ranges);

}  // namespace cq
