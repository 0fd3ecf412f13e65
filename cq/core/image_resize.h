#pragma once
// The resizes that published figures were made with, pixel by pixel. All take images uint8
// [n, height, width, 3]; figures differ by more than methods do when two of them are confused.
#include <string>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

/// Names of the variants that bring images to a square input of an Inception network, in -1..1:
/// `pytorch-fid`: bilinear between half-pixel centres, no antialiasing, on bytes / 255; 2 x - 1.
/// `adm`: TensorFlow 1's bilinear resize (no half-pixel offset) on bytes; (x - 128) / 128.
/// `clean`: clean-fid's, Pillow's antialiased bicubic on floats, clipped to 0..255 and not rounded
/// (Parmar, Zhang and Zhu 2022, arXiv 2104.11222); (x - 128) / 128.
const std::vector<std::string>& inception_resizes();
/// float32 [n, 3, size, size]. UsageError for a name that is not in inception_resizes().
at::Tensor resize_for_inception(const at::Tensor& images, int64_t size, const std::string& variant);

/// Names of the variants for CLIP's vision tower, before its normalisation:
/// `clip`: OpenAI's preprocessing, Pillow's bicubic on bytes of the shorter side, then the centre.
/// `cmmd`: both sides, bicubic without antialiasing (Jayasumana et al. 2024, arXiv 2401.09603).
const std::vector<std::string>& clip_resizes();
/// float32 [n, 3, size, size] in 0..1. UsageError for a name that is not in clip_resizes().
at::Tensor resize_for_clip(const at::Tensor& images, int64_t size, const std::string& variant);

/// TensorFlow 1's ResizeBilinear with align_corners and half_pixel_centers false, on the bytes'
/// values: float32 [n, 3, height, width].
at::Tensor resize_tf1_bilinear(const at::Tensor& images, int64_t height, int64_t width);
/// Pillow's BICUBIC of each channel as a float image: float32 [n, 3, height, width], not clipped.
at::Tensor resize_pillow_bicubic(const at::Tensor& images, int64_t height, int64_t width);
/// Pillow's BICUBIC of an RGB image: uint8 [n, height, width, 3].
at::Tensor resize_pillow_bicubic_bytes(const at::Tensor& images, int64_t height, int64_t width);

}  // namespace cq
