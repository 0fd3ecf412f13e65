#pragma once
#include "cq/core/models/first_stage.h"

namespace cq {

struct PatchStageConfig {
  int64_t patch = 4;
};

/// Linear first stage: p x p x 3 patches to C channels through an orthonormal basis (the leading
/// principal components of the training images' patches), each channel scaled to unit variance.
class PatchStage : public FirstStage {
 public:
  static constexpr const char* name = "patch";
  static constexpr const char* doc = "patches through an orthonormal basis (principal components)";
  static constexpr const char* source = "";
  using Parameters = PatchStageConfig;
  static const config::Params<PatchStageConfig>& parameters();

  /// Reads `basis` [C, 3 p p] with orthonormal rows, `mean` [3 p p] and `deviation` [C].
  PatchStage(const PatchStageConfig& config, const LatentConfig& latent, Weights weights);
  at::Tensor to_latents(const at::Tensor& images, const Executor& executor) const override;
  at::Tensor to_images(const at::Tensor& latents, const Executor& executor) const override;
  int64_t factor() const override { return patch_; }

 private:
  int64_t patch_;
  at::Tensor basis_, mean_, deviation_;
};

/// Non-overlapping patches [B, C, H, W] -> [B, C p p, H/p, W/p], and back.
at::Tensor to_patches(const at::Tensor& images, int64_t patch);
at::Tensor from_patches(const at::Tensor& patches, int64_t patch);

/// Principal components of patches [n, D]: basis [C, D], mean [D], deviation [C]; the sign of each
/// row makes its largest entry positive, so that equal data give equal files.
struct PatchBasis {
  at::Tensor basis, mean, deviation;
};
PatchBasis fit_patch_basis(const at::Tensor& patches, int64_t channels);

}  // namespace cq
