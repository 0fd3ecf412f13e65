#pragma once
#include <c10/util/FunctionRef.h>

#include "cq/core/tensor.h"

namespace cq {

/// Attention weights that are held at once: 64 MB of them, but those of a head at least.
inline constexpr int64_t kScoresAtOnce = int64_t(1) << 24;

/// softmax(q k^T / sqrt(d)) v in float32, its attention weights a slice of images and heads at a
/// time: at 4,096 tokens those of one head are 64 MB, and what rounds or watches them makes copies.
///
/// q [B, N, heads d], k and v [B, M, heads d] give [B, N, heads d]. `see` is handed the weights of
/// consecutive heads [n, N, M], in the order of [B, heads, N, M], and gives what is multiplied by
/// v; it may be told to hold no more than `most` of them at once.
at::Tensor sliced_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            int64_t heads, c10::function_ref<at::Tensor(at::Tensor)> see,
                            int64_t most = kScoresAtOnce);

}  // namespace cq
