#include "cq/core/models/autoencoder.h"

#include <algorithm>
#include <utility>

namespace cq {

namespace {

constexpr double kEps = 1e-6;

const Unit* norm_act_conv(const Scope& scope, const char* norm, const char* conv, int64_t in,
                          int64_t out, bool residual = false) {
  return make_conv(scope, conv, in, out, 3,
                   {.norm = make_group_norm(scope, norm, in, kEps),
                    .act = Activation::silu,
                    .geometry = same_3x3(),
                    .zero_init = residual});
}

}  // namespace

bool AutoencoderConfig::attends(size_t level) const {
  const auto& at = attention_resolutions;
  return std::find(at.begin(), at.end(), int64_t(1) << level) != at.end();
}

AutoencoderBlock::AutoencoderBlock(const Scope& scope, int64_t in, int64_t out) {
  first_ = norm_act_conv(scope, "norm1", "conv1", in, out);
  second_ = norm_act_conv(scope, "norm2", "conv2", out, out, true);
  if (in != out) shortcut_ = make_conv(scope, "nin_shortcut", in, out, 1);
}

at::Tensor AutoencoderBlock::forward(at::Tensor x, const Executor& executor) const {
  const auto h = executor.run(*first_, {.x = x}, 0);
  const auto base = shortcut_ != nullptr ? executor.run(*shortcut_, {.x = x}, 0) : x;
  x.reset();  // of 512 x 512 pixels a quarter of a gigabyte, at the peak of a first stage
  return executor.run(*second_, {.x = h, .residual = base}, 0);
}

AutoencoderAttention::AutoencoderAttention(const Scope& scope, int64_t channels) {
  // One product for q, k and v, which share input and norm.
  Unit qkv;
  qkv.name = scope.name("q");
  qkv.norm = make_group_norm(scope, "norm", channels, kEps);
  auto& weights = scope.weights();
  const auto rows = [&](const char* kind, at::IntArrayRef shape) {
    std::vector<std::string> names;
    for (const char* child : {"q", "k", "v"}) names.push_back((scope / child).name(kind));
    return weights.add_rows(names, shape, Init::fan(channels));
  };
  qkv.weight = rows("weight", {channels, channels, 1, 1});
  qkv.bias = rows("bias", {channels});
  qkv_ = weights.add(std::move(qkv));
  attention_ = weights.add(AttentionUnit{scope.name("attention"), -1, 1});
  out_ = make_conv(scope, "proj_out", channels, channels, 1, {.zero_init = true});
}

at::Tensor AutoencoderAttention::forward(const at::Tensor& x, const Executor& executor) const {
  const auto qkv = executor.run(*qkv_, {.x = x}, 0).flatten(2).transpose(1, 2).chunk(3, -1);
  const auto tokens = executor.attention(*attention_, qkv[0], qkv[1], qkv[2], 0);  // [B, HW, C]
  // Channels last, with the strides that mark it so for a batch of one too.
  const auto image =
      tokens.reshape({x.size(0), x.size(2), x.size(3), x.size(1)}).permute({0, 3, 1, 2});
  return executor.run(*out_, {.x = image, .residual = x}, 0);
}

AutoencoderMiddle::AutoencoderMiddle(const Scope& scope, int64_t channels)
    : first(scope / "block_1", channels, channels),
      attention(scope / "attn_1", channels),
      second(scope / "block_2", channels, channels) {}

at::Tensor AutoencoderMiddle::forward(const at::Tensor& x, const Executor& executor) const {
  return second.forward(attention.forward(first.forward(x, executor), executor), executor);
}

at::Tensor AutoencoderStep::forward(at::Tensor x, const Executor& executor) const {
  const auto h = block.forward(std::move(x), executor);
  return attention ? attention->forward(h, executor) : h;
}

Encoder::Encoder(const Scope& scope, const AutoencoderConfig& c, int64_t out_channels) {
  int64_t width = c.channels;
  in_ = make_conv(scope, "conv_in", c.in_channels, width, 3,
                  {.geometry = same_3x3(), .boundary = true});
  for (size_t level = 0; level < c.channel_mult.size(); ++level) {
    const auto at = scope / "down" / int64_t(level);
    auto& made = levels_.emplace_back();
    for (int64_t i = 0; i < c.num_res_blocks; ++i) {
      made.steps.push_back({AutoencoderBlock(at / "block" / i, width, c.width(level)), {}});
      width = c.width(level);
      if (c.attends(level)) made.steps.back().attention.emplace(at / "attn" / i, width);
    }
    if (level + 1 == c.channel_mult.size()) break;
    // Padded on the right and below only.
    made.resample = make_conv(at / "downsample", "conv", width, width, 3,
                              {.geometry = {.stride = 2, .padding = {0, 1, 0, 1}}});
  }
  middle_.emplace(scope / "mid", width);
  out_ = norm_act_conv(scope, "norm_out", "conv_out", width, out_channels);
}

at::Tensor Encoder::forward(at::Tensor x, const Executor& executor) const {
  x = executor.run(*in_, {.x = x}, 0);
  for (const auto& level : levels_) {
    for (const auto& step : level.steps) x = step.forward(std::move(x), executor);
    if (level.resample != nullptr) x = executor.run(*level.resample, {.x = x}, 0);
  }
  return executor.run(*out_, {.x = middle_->forward(x, executor)}, 0);
}

Decoder::Decoder(const Scope& scope, const AutoencoderConfig& c) {
  const size_t count = c.channel_mult.size();
  int64_t width = c.width(count - 1);
  in_ = make_conv(scope, "conv_in", c.z_channels, width, 3,
                  {.geometry = same_3x3(), .boundary = true});
  middle_.emplace(scope / "mid", width);
  levels_.resize(count);
  for (size_t level = count; level-- > 0;) {
    const auto at = scope / "up" / int64_t(level);
    auto& made = levels_[level];
    for (int64_t i = 0; i <= c.num_res_blocks; ++i) {
      made.steps.push_back({AutoencoderBlock(at / "block" / i, width, c.width(level)), {}});
      width = c.width(level);
      if (c.attends(level)) made.steps.back().attention.emplace(at / "attn" / i, width);
    }
    if (level == 0) break;
    made.resample = make_conv(at / "upsample", "conv", width, width, 3,
                              {.resample = Resample::up, .geometry = same_3x3()});
  }
  out_ = norm_act_conv(scope, "norm_out", "conv_out", width, c.out_channels);
}

at::Tensor Decoder::forward(at::Tensor z, const Executor& executor) const {
  z = middle_->forward(executor.run(*in_, {.x = z}, 0), executor);
  for (size_t level = levels_.size(); level-- > 0;) {
    for (const auto& step : levels_[level].steps) z = step.forward(std::move(z), executor);
    const Unit* up = levels_[level].resample;
    if (up != nullptr) z = executor.run(*up, {.x = z}, 0);
  }
  return executor.run(*out_, {.x = z}, 0);
}

}  // namespace cq
