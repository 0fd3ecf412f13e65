#pragma once
#include "cq/core/models/autoencoder.h"
#include "cq/core/models/first_stage.h"

namespace cq {

struct VqStageConfig : AutoencoderConfig {
  int64_t codes = 8192;  ///< rows of the codebook
  VqStageConfig() {
    channel_mult = {1, 2, 4};
    z_channels = 3;
    embed_dim = 3;
  }
};

/// Autoencoder with a codebook, names as in CompVis' VQModelInterface; the defaults are VQ-f4's.
/// As there, latents of images are not quantized, and decoding replaces each position of the latent
/// by the nearest row of the codebook first.
class VqStage : public FirstStage {
 public:
  static constexpr const char* name = "vq";
  static constexpr const char* doc = "autoencoder with a codebook (VQ-f4 and others)";
  static constexpr const char* source = "Esser et al. 2021, arXiv 2012.09841";
  using Parameters = VqStageConfig;
  static const config::Params<VqStageConfig>& parameters();

  /// Throws UsageError where `latent` has other channels than the autoencoder.
  VqStage(const VqStageConfig& config, const LatentConfig& latent, Weights weights);

  at::Tensor to_latents(const at::Tensor& images, const Executor& executor) const override;
  at::Tensor to_images(const at::Tensor& latents, const Executor& executor) const override;
  /// Each position of [B, C, h, w] replaced by the row of the codebook nearest to it (L2).
  at::Tensor quantize(const at::Tensor& latents) const;
  int64_t factor() const override { return config_.factor(); }
  std::vector<std::string> ignored() const override { return {"loss."}; }

 private:
  VqStageConfig config_;
  at::Tensor codebook_;  ///< [codes, C]
  std::optional<Encoder> encoder_;
  std::optional<Decoder> decoder_;
  const Unit *quant_, *post_quant_;
};

}  // namespace cq
