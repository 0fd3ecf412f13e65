#pragma once
#include <memory>

#include "cq/core/weights.h"

namespace cq {

/// Maps images to latents and back.
class FirstStage {
 public:
  virtual ~FirstStage() = default;
  /// [B, 3, H, W] in -1..1 -> [B, C, h, w], about unit variance.
  virtual at::Tensor encode(const at::Tensor& images) const = 0;
  /// The inverse, unclipped.
  virtual at::Tensor decode(const at::Tensor& latents) const = 0;
};

/// Linear first stage: p x p x 3 patches to C channels through an orthonormal basis (the leading
/// principal components of the training images' patches), each channel scaled to unit variance.
class PatchStage : public FirstStage {
 public:
  /// Reads `basis` [C, 3 p p] with orthonormal rows, `mean` [3 p p] and `deviation` [C].
  PatchStage(int64_t patch, int64_t channels, Weights weights);
  at::Tensor encode(const at::Tensor& images) const override;
  at::Tensor decode(const at::Tensor& latents) const override;
  const Weights& weights() const { return weights_; }
  void to(const at::Device& device) { weights_.to(device); }

 private:
  int64_t patch_;
  Weights weights_;
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
