#include "cq/core/models/ddpm.h"

#include <algorithm>

#include "cq/base/error.h"
#include "cq/core/layers/make.h"

namespace cq {

namespace {

constexpr double kEps = 1e-6;

}  // namespace

const config::Params<DdpmConfig>& DdpmUNet::parameters() {
  using C = DdpmConfig;
  static const auto params =
      config::Params<C>()
          .field("in_channels", &C::in_channels, "channels of the image", {1, 4096})
          .field("out_channels", &C::out_channels, "channels of the prediction", {1, 4096})
          .field("channels", &C::channels, "width of the first level", {1, 8192})
          .field("channel_mult", &C::channel_mult, "width of each level over the first's", {1, 64})
          .field("num_res_blocks", &C::num_res_blocks, "residual blocks a level", {1, 64})
          .field("attention_resolutions", &C::attention_resolutions,
                 "downsampling factors of the levels with attention", {1, 1024});
  return params;
}

DdpmUNet::DdpmUNet(const DdpmConfig& config, Weights weights)
    : Network(std::move(weights)), config_(config) {
  const Scope root(this->weights());
  const int64_t width = config.channels, embedding = 4 * width;
  timestep_ = {.width = width, .cosine_first = false, .shift = 1};
  time_in_ = make_linear(root / "temb" / "dense", "0", width, embedding, {.embedding = true});
  time_out_ = make_linear(root / "temb" / "dense", "1", embedding, embedding,
                          {.act = Activation::silu, .embedding = true});
  build_down(root);
  const int64_t deep = skip_channels_.back();
  const auto middle = root / "mid";
  middle_.resize(2);
  middle_[0].res.emplace(middle / "block_1", res(deep, deep));
  middle_[0].attention = make_attention(middle / "attn_1", deep);
  middle_[1].res.emplace(middle / "block_2", res(deep, deep));
  build_up(root);
  out_ = make_conv(root, "conv_out", width, config.out_channels, 3,
                   {.norm = make_group_norm(root, "norm_out", width, kEps),
                    .act = Activation::silu,
                    .geometry = same_3x3(),
                    .zero_init = true,
                    .boundary = true});
  for (size_t i = 0; i < down_.size(); ++i) cuts_.push_back(fmt::format("cut.{}", i));
}

ResBlockConfig DdpmUNet::res(int64_t in, int64_t out, int64_t seam) const {
  return {.in = in,
          .out = out,
          .embedding = 4 * config_.channels,
          .seam = seam,
          .eps = kEps,
          .names = ResBlockNames::ddpm()};
}

bool DdpmUNet::has_attention(int64_t factor) const {
  const auto& at = config_.attention_resolutions;
  return std::find(at.begin(), at.end(), factor) != at.end();
}

DdpmUNet::Attention DdpmUNet::make_attention(const Scope& scope, int64_t n) {
  Attention attention{};
  attention.qkv =
      make_conv_rows(scope, {"q", "k", "v"}, n, n, make_group_norm(scope, "norm", n, kEps));
  attention.product = scope.weights().add(AttentionUnit{scope.path(), -1, 1});
  attention.out = make_conv(scope, "proj_out", n, n, 1, {.zero_init = true});
  return attention;
}

void DdpmUNet::build_down(const Scope& root) {
  int64_t channels = config_.channels, factor = 1;
  down_.emplace_back().convolution = make_conv(root, "conv_in", config_.in_channels, channels, 3,
                                               {.geometry = same_3x3(), .boundary = true});
  skip_channels_.push_back(channels);
  for (size_t level = 0; level < config_.channel_mult.size(); ++level) {
    const auto at = root / "down" / int64_t(level);
    const int64_t out = config_.channel_mult[level] * config_.channels;
    for (int64_t i = 0; i < config_.num_res_blocks; ++i) {
      auto& place = down_.emplace_back();
      place.res.emplace(at / "block" / i, res(channels, out));
      channels = out;
      if (has_attention(factor)) place.attention = make_attention(at / "attn" / i, channels);
      skip_channels_.push_back(channels);
    }
    if (level + 1 == config_.channel_mult.size()) break;
    down_.emplace_back().convolution =
        make_conv(at / "downsample", "conv", channels, channels, 3,
                  {.geometry = {.stride = 2, .padding = {0, 1, 0, 1}}});
    skip_channels_.push_back(channels);
    factor *= 2;
  }
}

void DdpmUNet::build_up(const Scope& root) {
  const auto& mult = config_.channel_mult;
  int64_t channels = skip_channels_.back(), factor = int64_t(1) << (mult.size() - 1);
  for (size_t level = mult.size(); level-- > 0; factor /= 2) {
    const auto at = root / "up" / int64_t(level);
    const int64_t out = mult[level] * config_.channels;
    for (int64_t i = 0; i <= config_.num_res_blocks; ++i) {
      const int64_t skip = skip_channels_[skip_channels_.size() - 1 - up_.size()];
      auto& place = up_.emplace_back();
      place.res.emplace(at / "block" / i, res(channels + skip, out, channels));
      channels = out;
      if (has_attention(factor)) place.attention = make_attention(at / "attn" / i, channels);
    }
    if (level == 0) break;
    up_.back().up_convolution = make_conv(at / "upsample", "conv", channels, channels, 3,
                                          {.resample = Resample::up, .geometry = same_3x3()});
  }
}

at::Tensor DdpmUNet::run(const Attention& attention, const at::Tensor& x, const Step& step) {
  const auto qkv = step.run(*attention.qkv, {.x = x}).flatten(2).transpose(1, 2).chunk(3, -1);
  const auto mixed = step.attention(*attention.product, qkv[0], qkv[1], qkv[2]);  // [B, HW, C]
  const auto image = mixed.transpose(1, 2).reshape(x.sizes());
  return step.run(*attention.out, {.x = image, .residual = x});
}

at::Tensor DdpmUNet::run(const Place& place, at::Tensor h, const at::Tensor& skip,
                         const at::Tensor& embedding, const Step& step) {
  if (place.convolution) h = step.run(*place.convolution, {.x = h});
  if (place.res) h = place.res->forward(h, skip, embedding, step);
  if (place.attention) h = run(*place.attention, h, step);
  if (place.up_convolution) h = step.run(*place.up_convolution, {.x = h});
  return h;
}

at::Tensor DdpmUNet::descend(size_t level, const at::Tensor& h, const at::Tensor& embedding,
                             const Step& step) const {
  const auto skip = run(down_[level], h, {}, embedding, step);
  const auto inner = step.at(cuts_[level], [&] {
    if (level + 1 < down_.size()) return descend(level + 1, skip, embedding, step);
    at::Tensor bottom = skip;
    for (const auto& place : middle_) bottom = run(place, bottom, {}, embedding, step);
    return bottom;
  });
  return run(up_[down_.size() - 1 - level], inner, skip, embedding, step);
}

CachePoint DdpmUNet::cache_point(int64_t branch, const std::vector<int64_t>& blocks) const {
  if (!blocks.empty()) {
    throw UsageError(
        "[cache] blocks names a range of a transformer's blocks; this network is a "
        "UNet: use cache.branch");
  }
  if (branch < 0 || branch + 1 >= int64_t(cuts_.size())) {
    throw UsageError("[cache] branch={} does not exist: this UNet has branches 0..{}", branch,
                     cuts_.size() - 2);
  }
  const auto cut = size_t(branch) + 1;
  return {cuts_[cut], {0, 0}, up_[cuts_.size() - 1 - cut].res->first_units()};
}

at::Tensor DdpmUNet::forward(const NetworkInput& in, const Step& step) const {
  check_divisible("ddpm", in.x, config_.channel_mult.size());
  const auto embedding = step.run(*time_out_, {.x = step.run(*time_in_, {.x = timestep_(in.t)})});
  return step.run(*out_, {.x = descend(0, in.x, embedding, step)});
}

}  // namespace cq
