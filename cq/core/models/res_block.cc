#include "cq/core/models/res_block.h"

#include "cq/base/error.h"

namespace cq {

void check_divisible(const char* network, const at::Tensor& x, size_t levels) {
  const int64_t factor = int64_t(1) << (levels - 1);
  if (x.size(2) % factor == 0 && x.size(3) % factor == 0) return;
  throw UsageError("[{}] {} x {} cannot be halved {} times: sizes must be multiples of {}", network,
                   x.size(2), x.size(3), levels - 1, factor);
}

ResBlock::ResBlock(const Scope& scope, const ResBlockConfig& c) : config_(c) {
  in_ = make_conv(scope, c.names.conv1, c.in, c.out, 3,
                  {.norm = make_group_norm(scope, c.names.norm1, c.in, c.eps),
                   .act = Activation::silu,
                   .resample = c.resample,
                   .geometry = same_3x3(),
                   .seam = c.seam});
  embedding_ = make_linear(scope, c.names.embedding, c.embedding, c.scale_shift ? 2 * c.out : c.out,
                           {.act = Activation::silu, .embedding = true});
  out_ = make_conv(scope, c.names.conv2, c.out, c.out, 3,
                   {.norm = make_group_norm(scope, c.names.norm2, c.out, c.eps),
                    .act = Activation::silu,
                    .geometry = same_3x3(),
                    .zero_init = true});
  if (c.in != c.out) {
    shortcut_ = make_conv(scope, c.names.shortcut, c.in, c.out, 1, {.seam = c.seam});
  }
}

at::Tensor ResBlock::forward(const at::Tensor& x, const at::Tensor& skip,
                             const at::Tensor& embedding, const Step& step) const {
  const auto bias = step.run(*embedding_, {.x = embedding});
  const auto h = step.run(
      *in_, {.x = x, .skip = skip, .channel_bias = config_.scale_shift ? at::Tensor() : bias});
  const auto base = resample(config_.resample, x);
  UnitInput second{.x = h};
  if (config_.scale_shift) {
    const auto halves = bias.chunk(2, 1);
    second.scale = halves[0];
    second.shift = halves[1];
  }
  second.residual = shortcut_ ? step.run(*shortcut_, {.x = base, .skip = skip}) : base;
  return step.run(*out_, second);
}

}  // namespace cq
