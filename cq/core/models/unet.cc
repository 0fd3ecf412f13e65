#include "cq/core/models/unet.h"

#include <algorithm>

#include "cq/base/error.h"

namespace cq {

const config::Params<UNetConfig>& UNet::parameters() {
  using C = UNetConfig;
  static const auto params =
      config::Params<C>()
          .field("in_channels", &C::in_channels, "channels of the latent", {1, 4096})
          .field("out_channels", &C::out_channels, "channels of the prediction", {1, 4096})
          .field("model_channels", &C::model_channels, "width of the first level", {1, 8192})
          .field("channel_mult", &C::channel_mult, "width of each level over the first's", {1, 64})
          .field("num_res_blocks", &C::num_res_blocks, "residual blocks a level", {1, 64})
          .field("attention_resolutions", &C::attention_resolutions,
                 "downsampling factors of the levels with attention", {1, 1024})
          .field("num_heads", &C::num_heads, "heads of an attention", {1, 1024})
          .field("num_head_channels", &C::num_head_channels,
                 "channels a head, in place of num_heads where above 0", {0, 4096})
          .field("use_spatial_transformer", &C::use_spatial_transformer,
                 "transformer blocks with cross-attention instead of plain attention")
          .field("transformer_depth", &C::transformer_depth, "blocks a transformer", {1, 64})
          .field("context_dim", &C::context_dim, "width of the context", {1, 65536})
          .field("use_scale_shift_norm", &C::use_scale_shift_norm,
                 "the time embedding modulates the second norm instead of being added")
          .field("resblock_updown", &C::resblock_updown,
                 "residual blocks resample, not convolutions")
          .field("middle", &C::middle, "residual and attention blocks below the deepest level");
  return params;
}

UNet::UNet(const UNetConfig& config, Weights weights)
    : Network(std::move(weights)), config_(config) {
  const Scope root(this->weights());
  const int64_t width = config.model_channels, embedding = 4 * width;
  timestep_ = {.width = width, .cosine_first = true, .shift = 0};
  time_in_ = make_linear(root / "time_embed", "0", width, embedding, {.embedding = true});
  time_out_ = make_linear(root / "time_embed", "2", embedding, embedding,
                          {.act = Activation::silu, .embedding = true});
  build_down(root / "input_blocks");
  if (config.middle) build_middle(root / "middle_block");
  build_up(root / "output_blocks");
  out_ = make_conv(root / "out", "2", width, config.out_channels, 3,
                   {.norm = make_group_norm(root / "out", "0", width, 1e-5),
                    .act = Activation::silu,
                    .geometry = same_3x3(),
                    .zero_init = true,
                    .boundary = true});
  for (size_t i = 0; i < down_.size(); ++i) cuts_.push_back(fmt::format("cut.{}", i));
}

ResBlockConfig UNet::res(int64_t in, int64_t out, int64_t seam) const {
  return {.in = in,
          .out = out,
          .embedding = 4 * config_.model_channels,
          .seam = seam,
          .scale_shift = config_.use_scale_shift_norm};
}

bool UNet::has_attention(int64_t factor) const {
  const auto& at = config_.attention_resolutions;
  return std::find(at.begin(), at.end(), factor) != at.end();
}

void UNet::add_attention(Block& block, const Scope& scope, int64_t child, int64_t channels) const {
  const bool by_width = config_.num_head_channels > 0;
  const int64_t divisor = by_width ? config_.num_head_channels : config_.num_heads;
  if (channels % divisor != 0) {
    throw UsageError("[unet] {}={} does not divide the {} channels of an attention",
                     by_width ? "num_head_channels" : "num_heads", divisor, channels);
  }
  const int64_t heads = by_width ? channels / divisor : divisor;
  if (config_.use_spatial_transformer) {
    block.transformer.emplace(scope / child, TransformerConfig{.channels = channels,
                                                               .heads = heads,
                                                               .context = config_.context_dim,
                                                               .depth = config_.transformer_depth});
  } else {
    block.attention.emplace(scope / child, channels, heads);
  }
}

void UNet::build_down(const Scope& scope) {
  int64_t channels = config_.model_channels, factor = 1;
  down_.emplace_back().convolution = make_conv(scope / 0, "0", config_.in_channels, channels, 3,
                                               {.geometry = same_3x3(), .boundary = true});
  skip_channels_.push_back(channels);
  for (size_t level = 0; level < config_.channel_mult.size(); ++level) {
    const int64_t out = config_.channel_mult[level] * config_.model_channels;
    for (int64_t i = 0; i < config_.num_res_blocks; ++i) {
      const auto at = scope / int64_t(down_.size());
      auto& block = down_.emplace_back();
      block.res.emplace(at / 0, res(channels, out));
      channels = out;
      if (has_attention(factor)) add_attention(block, at, 1, channels);
      skip_channels_.push_back(channels);
    }
    if (level + 1 == config_.channel_mult.size()) break;
    const auto at = scope / int64_t(down_.size());
    auto& block = down_.emplace_back();
    if (config_.resblock_updown) {
      auto c = res(channels, channels);
      c.resample = Resample::down;
      block.res.emplace(at / 0, c);
    } else {
      block.convolution = make_conv(at / 0, "op", channels, channels, 3,
                                    {.geometry = {.stride = 2, .padding = {1, 1, 1, 1}}});
    }
    skip_channels_.push_back(channels);
    factor *= 2;
  }
}

void UNet::build_middle(const Scope& scope) {
  const int64_t channels = skip_channels_.back();
  middle_.resize(3);
  middle_[0].res.emplace(scope / 0, res(channels, channels));
  add_attention(middle_[1], scope, 1, channels);
  middle_[2].res.emplace(scope / 2, res(channels, channels));
}

void UNet::build_up(const Scope& scope) {
  const auto& mult = config_.channel_mult;
  int64_t channels = skip_channels_.back(), factor = int64_t(1) << (mult.size() - 1);
  for (size_t level = mult.size(); level-- > 0;) {
    for (int64_t i = 0; i <= config_.num_res_blocks; ++i) {
      const auto at = scope / int64_t(up_.size());
      const int64_t skip = skip_channels_[skip_channels_.size() - 1 - up_.size()];
      auto& block = up_.emplace_back();
      block.res.emplace(at / 0,
                        res(channels + skip, mult[level] * config_.model_channels, channels));
      channels = mult[level] * config_.model_channels;
      const bool attends = has_attention(factor);
      if (attends) add_attention(block, at, 1, channels);
      if (level == 0 || i < config_.num_res_blocks) continue;
      const auto up = at / (attends ? 2 : 1);
      if (config_.resblock_updown) {
        auto c = res(channels, channels);
        c.resample = Resample::up;
        block.up_res.emplace(up, c);
      } else {
        block.up_convolution = make_conv(up, "conv", channels, channels, 3,
                                         {.resample = Resample::up, .geometry = same_3x3()});
      }
      factor /= 2;
    }
  }
}

at::Tensor UNet::run(const Block& block, at::Tensor h, const at::Tensor& skip,
                     const Call& call) const {
  const Step& step = *call.step;
  if (block.convolution) h = step.run(*block.convolution, {.x = h});
  if (block.res) h = block.res->forward(h, skip, call.embedding, step);
  if (block.attention) h = block.attention->forward(h, step);
  if (block.transformer) h = block.transformer->forward(h, call.context, step);
  if (block.up_res) h = block.up_res->forward(h, {}, call.embedding, step);
  if (block.up_convolution) h = step.run(*block.up_convolution, {.x = h});
  return h;
}

at::Tensor UNet::descend(size_t level, const at::Tensor& h, const Call& call) const {
  const auto skip = run(down_[level], h, {}, call);
  const auto inner = call.step->at(cuts_[level], [&] {
    if (level + 1 < down_.size()) return descend(level + 1, skip, call);
    at::Tensor bottom = skip;
    for (const auto& block : middle_) bottom = run(block, bottom, {}, call);
    return bottom;
  });
  return run(up_[down_.size() - 1 - level], inner, skip, call);
}

CachePoint UNet::cache_point(int64_t branch, const std::vector<int64_t>& blocks) const {
  if (!blocks.empty()) {
    throw UsageError(
        "[cache] blocks names a range of a transformer's blocks; this network is a "
        "UNet: use cache.branch");
  }
  if (branch < 0 || branch >= int64_t(cuts_.size())) {
    throw UsageError("[cache] branch={} does not exist: this UNet has branches 0..{}", branch,
                     cuts_.size() - 1);
  }
  const auto& block = up_[cuts_.size() - 1 - size_t(branch)];
  return {cuts_[size_t(branch)], {0, 0}, block.res->first_units()};
}

at::Tensor UNet::forward(const NetworkInput& in, const Step& step) const {
  if (config_.use_spatial_transformer && !in.context.defined()) {
    throw UsageError("[unet] this network needs a context [B, M, {}]", config_.context_dim);
  }
  check_divisible("unet", in.x, config_.channel_mult.size());
  const auto embedding = step.run(*time_out_, {.x = step.run(*time_in_, {.x = timestep_(in.t)})});
  return step.run(*out_, {.x = descend(0, in.x, {embedding, in.context, &step})});
}

}  // namespace cq
