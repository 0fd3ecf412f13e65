#include "cq/core/quant/sliced_attention.h"

#include <algorithm>
#include <cmath>

#include "cq/core/executor.h"

namespace cq {

namespace {

/// [B, heads, ...] -> [B heads, ...]
at::Tensor join_heads(const at::Tensor& x) {
  return x.reshape({x.size(0) * x.size(1), x.size(2), x.size(3)});
}

/// Of [n, N, d] and [n, d, M]. The scores are gone when the weights are looked at.
at::Tensor attention_weights(const at::Tensor& queries, const at::Tensor& keys) {
  const double scale = 1 / std::sqrt(double(queries.size(2)));
  return at::softmax(at::bmm(queries, keys).mul_(scale), -1);
}

}  // namespace

at::Tensor sliced_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            int64_t heads, c10::function_ref<at::Tensor(at::Tensor)> see,
                            int64_t most) {
  const auto queries = join_heads(split_heads(q, heads));
  const auto keys = join_heads(split_heads(k, heads).transpose(2, 3));
  const auto values = join_heads(split_heads(v, heads));
  const int64_t count = queries.size(0), tokens = queries.size(1), width = queries.size(2);
  const int64_t each = std::max<int64_t>(1, most / std::max<int64_t>(1, tokens * keys.size(2)));
  const auto out = at::empty({q.size(0), heads, tokens, width}, q.options());
  const auto rows = out.view({count, tokens, width});
  for (int64_t first = 0; first < count; first += each) {
    const int64_t n = std::min(each, count - first);
    const auto part = [&](const at::Tensor& x) { return x.narrow(0, first, n); };
    const auto weights = see(attention_weights(part(queries), part(keys)));
    part(rows).copy_(at::bmm(weights, part(values)));
  }
  return merge_heads(out);
}

}  // namespace cq
