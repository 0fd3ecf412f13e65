#pragma once
// Augmentations of training images [B, 3, H, W] in -1..1, of the whole batch at once and on its
// device. Everything random comes from `generator`, which must be on that device.
#include "cq/core/tensor.h"

namespace cq {

/// Mirrors each image, left to right, with probability 1/2.
at::Tensor flip_some(const at::Tensor& images, at::Generator& generator);

/// 3x3 binomial blur of each image with probability `probability`.
at::Tensor blur_some(const at::Tensor& images, double probability, at::Generator& generator);

/// Shifts each image by up to 4 pixels either way; what comes in is its reflection.
at::Tensor crop_shifted(const at::Tensor& images, at::Generator& generator);

/// Greys out (0) a square of `size` pixels around a random pixel of each image, as far as it lies
/// inside (DeVries & Taylor 2017, arXiv 1708.04552). 0: nothing.
at::Tensor cut_out(const at::Tensor& images, int64_t size, at::Generator& generator);

/// [B] share of its own that each image keeps in a mixture with the one before it in the batch
/// (Zhang et al. 2018, arXiv 1710.09412, alpha = 1): uniform in 0..1 with probability
/// `probability`, else 1.
at::Tensor draw_shares(int64_t n, double probability, at::Generator& generator);
/// Each image times its share, plus the one before it in the batch times what is left.
at::Tensor mix(const at::Tensor& images, const at::Tensor& shares);

}  // namespace cq
