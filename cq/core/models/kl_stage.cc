#include "cq/core/models/kl_stage.h"

#include "cq/base/error.h"

namespace cq {

const config::Params<AutoencoderConfig>& KlStage::parameters() {
  static const auto params = autoencoder_parameters<AutoencoderConfig>();
  return params;
}

void check_autoencoder(const AutoencoderConfig& config, const LatentConfig& latent) {
  constexpr int64_t kGroups = 32;
  if (config.channel_mult.empty()) throw UsageError("[first_stage] channel_mult is empty");
  if (latent.channels != config.embed_dim) {
    throw UsageError("[first_stage] embed_dim={}, but model.latent.channels={}", config.embed_dim,
                     latent.channels);
  }
  if (config.channels % kGroups != 0) {
    throw UsageError(
        "[first_stage] channels={}: expected a multiple of {}, the groups of its norms",
        config.channels, kGroups);
  }
}

KlStage::KlStage(const AutoencoderConfig& config, const LatentConfig& latent, Weights weights)
    : FirstStage(std::move(weights)), config_(config) {
  check_autoencoder(config, latent);
  const Scope root(this->weights());
  encoder_.emplace(root / "encoder", config, 2 * config.z_channels);
  quant_ = make_conv(root, "quant_conv", 2 * config.z_channels, 2 * config.embed_dim, 1);
  post_quant_ = make_conv(root, "post_quant_conv", config.embed_dim, config.z_channels, 1);
  decoder_.emplace(root / "decoder", config);
}

KlStage::Posterior KlStage::posterior(const at::Tensor& images, const Executor& executor) const {
  const auto moments = executor.run(*quant_, {.x = encoder_->forward(images, executor)}, 0);
  const auto halves = moments.chunk(2, 1);
  return {halves[0], at::clamp(halves[1], -30.0, 20.0)};
}

at::Tensor KlStage::to_images(const at::Tensor& latents, const Executor& executor) const {
  return decoder_->forward(executor.run(*post_quant_, {.x = latents}, 0), executor);
}

}  // namespace cq
