#include "cq/core/layers/unit.h"

#include <ATen/ops/addcmul.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <c10/core/GradMode.h>

namespace cq {

namespace {

at::Tensor normalise(const Norm& norm, const at::Tensor& x) {
  switch (norm.kind) {
    case NormKind::none:
      return x;
    case NormKind::group:
      return at::group_norm(x, norm.groups, norm.weight, norm.bias, norm.eps);
    case NormKind::layer:
      return at::layer_norm(x, {x.size(-1)}, norm.weight, norm.bias, norm.eps);
  }
  TORCH_CHECK(false, "unknown norm");
}

/// In place where nobody else has x: images of a first stage are hundreds of megabytes.
at::Tensor activate(Activation act, at::Tensor x, bool ours) {
  if (act == Activation::silu && ours && !c10::GradMode::is_enabled()) return at::silu_(x);
  switch (act) {
    case Activation::none:
      return x;
    case Activation::silu:
      return at::silu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::gelu_erf:
      return at::gelu(x);
    case Activation::quick_gelu:
      return x * at::sigmoid(1.702 * x);
    case Activation::relu:
      return at::relu(x);
    case Activation::geglu: {
      const auto halves = x.chunk(2, -1);
      return halves[0] * at::gelu(halves[1]);
    }
  }
  TORCH_CHECK(false, "unknown activation");
}

}  // namespace

at::Tensor over_positions(const at::Tensor& per_channel, int64_t dimensions) {
  if (dimensions == 4) return per_channel.unsqueeze(-1).unsqueeze(-1);
  return dimensions == 3 ? per_channel.unsqueeze(1) : per_channel;
}

at::Tensor resample(Resample kind, const at::Tensor& x) {
  switch (kind) {
    case Resample::none:
      return x;
    case Resample::up:
      return at::upsample_nearest2d(x, {x.size(2) * 2, x.size(3) * 2});
    case Resample::down:
      return at::avg_pool2d(x, {2, 2});
  }
  TORCH_CHECK(false, "unknown resampling");
}

at::Tensor unit_prologue(const Unit& unit, const UnitInput& in) {
  at::Tensor x = in.skip.defined() ? at::cat({in.x, in.skip}, 1) : in.x;
  x = normalise(unit.norm, x);
  if (in.scale.defined()) {
    x = x * (1 + over_positions(in.scale, x.dim())) + over_positions(in.shift, x.dim());
  }
  const bool ours = unit.norm.kind != NormKind::none || in.scale.defined() || in.skip.defined();
  return resample(unit.resample, activate(unit.act, x, ours));
}

at::Tensor unit_product(const Unit& unit, const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias) {
  if (!unit.is_conv()) return at::linear(x, weight, bias);
  const auto& g = unit.conv;
  const auto& p = g.padding;
  const at::Tensor padded = g.symmetric() ? x : at::constant_pad_nd(x, {p[0], p[1], p[2], p[3]}, 0);
  const int64_t pad = g.symmetric() ? p[0] : 0;
  const std::array<int64_t, 2> strides{g.stride, g.stride}, pads{pad, pad};
  // Not at::convolution, which autocast leaves in float32 on a CPU.
  return at::conv2d(padded, weight, bias, strides, pads, {1, 1}, g.groups);
}

at::Tensor unit_epilogue(at::Tensor y, const UnitInput& in) {
  if (in.channel_bias.defined()) y = y + over_positions(in.channel_bias, y.dim());
  if (in.gate.defined() && in.residual.defined())
    return at::addcmul(in.residual, over_positions(in.gate, y.dim()), y);
  if (in.gate.defined()) y = y * over_positions(in.gate, y.dim());
  return in.residual.defined() ? y + in.residual : y;
}

}  // namespace cq
