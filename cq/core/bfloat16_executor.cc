#include "cq/core/bfloat16_executor.h"

namespace cq {

namespace {

at::Tensor half(const at::Tensor& x) {
  return x.defined() ? x.detach().to(at::kBFloat16) : x;
}

}  // namespace

Bfloat16Executor::Bfloat16Executor(const Network& network) {
  for (const auto& unit : network.weights().units()) {
    Unit copy = unit;
    copy.weight = half(unit.weight);
    if (copy.is_conv()) copy.weight = copy.weight.contiguous(at::MemoryFormat::ChannelsLast);
    copy.bias = half(unit.bias);
    copy.norm.weight = half(unit.norm.weight);
    copy.norm.bias = half(unit.norm.bias);
    units_.push_back(std::move(copy));
  }
}

at::Tensor Bfloat16Executor::run(const Unit& unit, const UnitInput& in, int64_t step) const {
  const UnitInput input{.x = half(in.x),
                        .skip = half(in.skip),
                        .scale = half(in.scale),
                        .shift = half(in.shift),
                        .gate = half(in.gate),
                        .residual = half(in.residual),
                        .channel_bias = half(in.channel_bias)};
  return inner_.run(units_[size_t(unit.id)], input, step);
}

at::Tensor Bfloat16Executor::attention(const AttentionUnit& unit, const at::Tensor& q,
                                       const at::Tensor& k, const at::Tensor& v,
                                       int64_t step) const {
  return inner_.attention(unit, half(q), half(k), half(v), step);
}

}  // namespace cq
