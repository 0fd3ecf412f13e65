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

/// Rows of a product that are multiplied as a matrix of their own.
constexpr int64_t kRowsEach = 256;

/// out [n, N, d] = a [n, N, M] b [n, M, d]
///
/// Threads that are more than matrices would share a matrix's sums, and the last bits tell slices
/// and numbers of threads apart: blocks of rows are enough matrices.
void multiply(at::Tensor out, const at::Tensor& a, const at::Tensor& b) {
  const int64_t rows = out.size(1), blocks = rows / kRowsEach;
  const bool enough = !out.device().is_cpu() || out.size(0) >= at::get_num_threads();
  if (enough || rows % kRowsEach != 0) {
    at::bmm_out(out, a, b);
    return;
  }
  for (int64_t i = 0; i < out.size(0); ++i) {
    auto product = out.select(0, i).view({blocks, kRowsEach, out.size(2)});
    at::bmm_out(product, a.select(0, i).reshape({blocks, kRowsEach, a.size(2)}),
                b.select(0, i).expand({blocks, b.size(1), b.size(2)}));
  }
}

/// Of [n, N, d] and [n, d, M]. The scores are gone when the weights are looked at.
at::Tensor attention_weights(const at::Tensor& queries, const at::Tensor& keys) {
  const auto scores =
      at::empty({queries.size(0), queries.size(1), keys.size(2)}, queries.options());
  multiply(scores, queries, keys);
  return at::softmax(scores.mul_(1 / std::sqrt(double(queries.size(2)))), -1);
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
    multiply(part(rows), weights, part(values));
  }
  return merge_heads(out);
}

}  // namespace cq
