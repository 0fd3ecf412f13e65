#include "cq/core/models/vq_stage.h"

#include <algorithm>

#include "cq/core/models/kl_stage.h"

namespace cq {

const config::Params<VqStageConfig>& VqStage::parameters() {
  static const auto params = autoencoder_parameters<VqStageConfig>().field(
      "codes", &VqStageConfig::codes, "rows of the codebook", {1, 1e7});
  return params;
}

VqStage::VqStage(const VqStageConfig& config, const LatentConfig& latent, Weights weights)
    : FirstStage(std::move(weights)), config_(config) {
  check_autoencoder(config, latent);
  const Scope root(this->weights());
  encoder_.emplace(root / "encoder", config, config.z_channels);
  codebook_ = (root / "quantize" / "embedding")
                  .add("weight", {config.codes, config.embed_dim}, Init::normal(1));
  quant_ = make_conv(root, "quant_conv", config.z_channels, config.embed_dim, 1);
  post_quant_ = make_conv(root, "post_quant_conv", config.embed_dim, config.z_channels, 1);
  decoder_.emplace(root / "decoder", config);
}

at::Tensor VqStage::to_latents(const at::Tensor& images, const Executor& executor) const {
  return executor.run(*quant_, {.x = encoder_->forward(images, executor)}, 0);
}

at::Tensor VqStage::quantize(const at::Tensor& latents) const {
  constexpr int64_t kRows = 512;  // of the table of distances, 16 MB with 8192 codes
  const auto rows = latents.permute({0, 2, 3, 1}).reshape({-1, config_.embed_dim});
  const auto norms = codebook_.pow(2).sum(1);
  std::vector<at::Tensor> nearest;
  for (int64_t first = 0; first < rows.size(0); first += kRows) {
    const auto z = rows.narrow(0, first, std::min(kRows, rows.size(0) - first));
    // |z - e|^2, in the order of operations of the reference, so that ties fall alike.
    const auto distances =
        z.pow(2).sum(1, true) + norms - 2 * at::matmul(z, codebook_.t());  // [rows, codes]
    nearest.push_back(codebook_.index_select(0, distances.argmin(1)));
  }
  const auto shape = latents.sizes();
  return at::cat(nearest, 0)
      .view({shape[0], shape[2], shape[3], shape[1]})
      .permute({0, 3, 1, 2})
      .contiguous();
}

at::Tensor VqStage::to_images(const at::Tensor& latents, const Executor& executor) const {
  return decoder_->forward(executor.run(*post_quant_, {.x = quantize(latents)}, 0), executor);
}

}  // namespace cq
