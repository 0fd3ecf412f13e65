#include "cq/core/models/patch_stage.h"

#include <ATen/ops/eye.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/sqrt.h>

namespace cq {

at::Tensor to_patches(const at::Tensor& images, int64_t p) {
  const int64_t b = images.size(0), c = images.size(1), h = images.size(2) / p,
                w = images.size(3) / p;
  return images.view({b, c, h, p, w, p}).permute({0, 1, 3, 5, 2, 4}).reshape({b, c * p * p, h, w});
}

at::Tensor from_patches(const at::Tensor& patches, int64_t p) {
  const int64_t b = patches.size(0), c = patches.size(1) / (p * p), h = patches.size(2),
                w = patches.size(3);
  return patches.view({b, c, p, p, h, w}).permute({0, 1, 4, 2, 5, 3}).reshape({b, c, h * p, w * p});
}

const config::Params<PatchStageConfig>& PatchStage::parameters() {
  static const auto params = config::Params<PatchStageConfig>().field(
      "patch", &PatchStageConfig::patch, "pixels along a patch", {1, 64}, "pixels");
  return params;
}

PatchStage::PatchStage(const PatchStageConfig& config, const LatentConfig& latent, Weights weights)
    : FirstStage(std::move(weights)), patch_(config.patch) {
  const int64_t width = 3 * patch_ * patch_;
  basis_ = this->weights().add_fixed("basis", at::eye(latent.channels, width));
  mean_ = this->weights().add_fixed("mean", at::zeros({width}));
  deviation_ = this->weights().add_fixed("deviation", at::ones({latent.channels}));
}

at::Tensor PatchStage::to_latents(const at::Tensor& images, const Executor&) const {
  const auto patches = to_patches(images, patch_).permute({0, 2, 3, 1});  // [B, h, w, D]
  const auto latents = at::matmul(patches - mean_, basis_.t()) / deviation_;
  return latents.permute({0, 3, 1, 2}).contiguous();
}

at::Tensor PatchStage::to_images(const at::Tensor& latents, const Executor&) const {
  const auto scaled = latents.permute({0, 2, 3, 1}) * deviation_;
  const auto patches = at::matmul(scaled, basis_) + mean_;
  return from_patches(patches.permute({0, 3, 1, 2}).contiguous(), patch_);
}

PatchBasis fit_patch_basis(const at::Tensor& patches, int64_t channels) {
  const auto x = patches.to(at::kDouble);
  const auto mean = x.mean(0);
  const auto centred = x - mean;
  const auto covariance = at::matmul(centred.t(), centred) / double(x.size(0) - 1);
  const auto [values, vectors] = at::linalg_eigh(covariance);  // ascending
  auto basis = vectors.narrow(1, vectors.size(1) - channels, channels).flip(1).t().contiguous();
  const auto largest = at::abs(basis).argmax(1, true);
  basis = basis * at::sign(basis.gather(1, largest));
  const auto variances = values.narrow(0, values.size(0) - channels, channels).flip(0);
  return {basis.to(at::kFloat), mean.to(at::kFloat), at::sqrt(variances).to(at::kFloat)};
}

}  // namespace cq
