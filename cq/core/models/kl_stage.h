#pragma once
#include "cq/core/models/autoencoder.h"
#include "cq/core/models/first_stage.h"

namespace cq {

/// Autoencoder with a Gaussian latent, names as in CompVis' AutoencoderKL: encoder, quant_conv,
/// post_quant_conv, decoder. Latents of images are the posterior's mean.
class KlStage : public FirstStage {
 public:
  static constexpr const char* name = "kl";
  static constexpr const char* doc = "autoencoder with a Gaussian latent (KL-f8 and others)";
  static constexpr const char* source = "Rombach et al. 2022, arXiv 2112.10752";
  using Parameters = AutoencoderConfig;
  static const config::Params<AutoencoderConfig>& parameters();

  /// Throws UsageError where `latent` has other channels than the autoencoder.
  KlStage(const AutoencoderConfig& config, const LatentConfig& latent, Weights weights);

  struct Posterior {
    at::Tensor mean, log_variance;  ///< [B, embed_dim, H/f, W/f]
  };
  Posterior posterior(const at::Tensor& images, const Executor& executor) const;

  at::Tensor to_latents(const at::Tensor& images, const Executor& executor) const override {
    return posterior(images, executor).mean;
  }
  at::Tensor to_images(const at::Tensor& latents, const Executor& executor) const override;
  int64_t factor() const override { return config_.factor(); }
  std::vector<std::string> ignored() const override { return {"loss."}; }
  const AutoencoderConfig& config() const { return config_; }

 private:
  AutoencoderConfig config_;
  std::optional<Encoder> encoder_;
  std::optional<Decoder> decoder_;
  const Unit *quant_, *post_quant_;
};

/// Throws UsageError where the latent's channels are not `embed_dim`, or a width is no multiple of
/// the 32 groups of the norms.
void check_autoencoder(const AutoencoderConfig& config, const LatentConfig& latent);

}  // namespace cq
