#include "cq/core/executor.h"

namespace cq {

at::Tensor split_heads(const at::Tensor& x, int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

at::Tensor merge_heads(const at::Tensor& x) {
  return x.transpose(1, 2).reshape({x.size(0), x.size(2), x.size(1) * x.size(3)});
}

at::Tensor FloatExecutor::run(const Unit& unit, const UnitInput& in, int64_t) const {
  return unit_epilogue(unit_product(unit, unit_prologue(unit, in), unit.weight, unit.bias), in);
}

at::Tensor FloatExecutor::attention(const AttentionUnit& unit, const at::Tensor& q,
                                    const at::Tensor& k, const at::Tensor& v, int64_t) const {
  return merge_heads(at::scaled_dot_product_attention(
      split_heads(q, unit.heads), split_heads(k, unit.heads), split_heads(v, unit.heads)));
}

}  // namespace cq
