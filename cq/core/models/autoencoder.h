#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cq/config/params.h"
#include "cq/core/executor.h"
#include "cq/core/layers/make.h"

namespace cq {

/// Encoder and decoder of the first stages of latent diffusion; the defaults are KL-f8's. Keys as
/// in CompVis' `ddconfig`, but `attention_resolutions` counts downsampling factors as the UNet's.
struct AutoencoderConfig {
  int64_t in_channels = 3;
  int64_t out_channels = 3;
  int64_t channels = 128;  ///< width of the first level (`ch`)
  std::vector<int64_t> channel_mult{1, 2, 4, 4};
  int64_t num_res_blocks = 2;
  std::vector<int64_t> attention_resolutions{};  ///< beside the one in the middle
  int64_t z_channels = 4;                        ///< of the decoder's input
  int64_t embed_dim = 4;                         ///< of the latent

  /// Pixels along one position of the latent.
  int64_t factor() const { return int64_t(1) << (channel_mult.size() - 1); }
  int64_t width(size_t level) const { return channels * channel_mult[level]; }
  bool attends(size_t level) const;
};

/// The keys above, for stages that have more.
template <class C>
config::Params<C> autoencoder_parameters() {
  // The type is named because a pointer to a member of the base would not deduce it.
  return config::Params<C>()
      .template field<int64_t>("in_channels", &C::in_channels, "channels of the images", {1, 4096})
      .template field<int64_t>("out_channels", &C::out_channels, "channels of decoded images",
                               {1, 4096})
      .template field<int64_t>("channels", &C::channels, "width of the first level", {1, 8192})
      .template field<std::vector<int64_t>>("channel_mult", &C::channel_mult,
                                            "width of each level over the first's", {1, 64})
      .template field<int64_t>("num_res_blocks", &C::num_res_blocks,
                               "residual blocks a level of the encoder", {1, 64})
      .template field<std::vector<int64_t>>(
          "attention_resolutions", &C::attention_resolutions,
          "downsampling factors of the levels with attention beside the middle", {1, 1024})
      .template field<int64_t>("z_channels", &C::z_channels, "channels of the decoder's input",
                               {1, 4096})
      .template field<int64_t>("embed_dim", &C::embed_dim, "channels of the latent", {1, 4096});
}

/// Residual block without time: norm1, SiLU, conv1, norm2, SiLU, conv2; a 1x1 `nin_shortcut` where
/// the width changes. All group norms of first stages have eps 1e-6.
class AutoencoderBlock {
 public:
  AutoencoderBlock(const Scope& scope, int64_t in, int64_t out);
  /// [B, in, H, W] -> [B, out, H, W]. Given away (moved), x is freed after its last use.
  at::Tensor forward(at::Tensor x, const Executor& executor) const;

 private:
  const Unit *first_, *second_;
  const Unit* shortcut_ = nullptr;
};

/// Attention over all positions with one head: `norm`, `q`, `k`, `v`, `proj_out`.
class AutoencoderAttention {
 public:
  AutoencoderAttention(const Scope& scope, int64_t channels);
  at::Tensor forward(const at::Tensor& x, const Executor& executor) const;

 private:
  const Unit *qkv_, *out_;
  const AttentionUnit* attention_;
};

/// The lowest level of both halves: block_1, attn_1, block_2.
struct AutoencoderMiddle {
  AutoencoderBlock first;
  AutoencoderAttention attention;
  AutoencoderBlock second;

  AutoencoderMiddle(const Scope& scope, int64_t channels);
  at::Tensor forward(const at::Tensor& x, const Executor& executor) const;
};

/// A residual block with the attention that may follow it.
struct AutoencoderStep {
  AutoencoderBlock block;
  std::optional<AutoencoderAttention> attention;
  at::Tensor forward(at::Tensor x, const Executor& executor) const;
};

struct AutoencoderLevel {
  std::vector<AutoencoderStep> steps;
  const Unit* resample = nullptr;
};

/// Images to features at a lower resolution, names as in CompVis' diffusionmodules.model.Encoder.
class Encoder {
 public:
  Encoder(const Scope& scope, const AutoencoderConfig& config, int64_t out_channels);
  /// [B, in, H, W] -> [B, out_channels, H/f, W/f].
  at::Tensor forward(at::Tensor x, const Executor& executor) const;

 private:
  const Unit* in_;
  std::vector<AutoencoderLevel> levels_;
  std::optional<AutoencoderMiddle> middle_;
  const Unit* out_;
};

/// The way back, names as in CompVis' diffusionmodules.model.Decoder.
class Decoder {
 public:
  Decoder(const Scope& scope, const AutoencoderConfig& config);
  /// [B, z, h, w] -> [B, out, h f, w f].
  at::Tensor forward(at::Tensor z, const Executor& executor) const;

 private:
  const Unit* in_;
  std::optional<AutoencoderMiddle> middle_;
  std::vector<AutoencoderLevel> levels_;  ///< the checkpoint's up.0, up.1, ...; run backwards
  const Unit* out_;
};

}  // namespace cq
