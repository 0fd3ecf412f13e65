#include "cq/core/executor.h"

#include <ATen/ops/isfinite.h>

#include "cq/base/error.h"

namespace cq {

namespace {

at::Tensor checked(at::Tensor y, const std::string& layer, int64_t step) {
  if (const int64_t row = first_not_finite(y); row >= 0) {
    throw RunError("layer {} gives NaN or infinity at step {}, first in row {} of the batch", layer,
                   step, row);
  }
  return y;
}

}  // namespace

int64_t first_not_finite(const at::Tensor& x) {
  const auto broken = at::isfinite(x).flatten(1).all(1).logical_not();
  return broken.any().item<bool>() ? broken.to(at::kInt).argmax().item<int64_t>() : -1;
}

at::Tensor Executor::run_pair(const Unit& first, const UnitInput& in, const Unit& second,
                              const UnitInput& rest, int64_t step) const {
  auto operands = rest;
  operands.x = run(first, in, step);
  return run(second, operands, step);
}

at::Tensor Executor::self_attention(const Unit& qkv, const UnitInput& in, const AttentionUnit& unit,
                                    const Projection& out, int64_t step) const {
  const auto parts = run(qkv, in, step).chunk(3, -1);
  return projected_attention(unit, parts[0], parts[1], parts[2], out, step);
}

at::Tensor Executor::projected_attention(const AttentionUnit& unit, const at::Tensor& q,
                                         const at::Tensor& k, const at::Tensor& v,
                                         const Projection& out, int64_t step) const {
  auto operands = out.rest;
  operands.x = attention(unit, q, k, v, step);
  return run(out.unit, operands, step);
}

at::Tensor FiniteCheck::run(const Unit& unit, const UnitInput& in, int64_t step) const {
  return checked(inner_.run(unit, in, step), unit.name, step);
}

at::Tensor FiniteCheck::attention(const AttentionUnit& unit, const at::Tensor& q,
                                  const at::Tensor& k, const at::Tensor& v, int64_t step) const {
  return checked(inner_.attention(unit, q, k, v, step), unit.name, step);
}

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
