#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

/// Decodes a PNG, JPEG, WebP or BMP image to uint8 [height, width, 3], RGB: grey images are
/// repeated, transparency is dropped, 16-bit values keep their upper byte, EXIF rotation is ignored
/// (as Pillow's Image.open(...).convert("RGB")). Throws RunError, beginning with `where`, for a
/// damaged or cut-off image and for one of more than 2^26 pixels.
at::Tensor decode_image(std::span<const uint8_t> bytes, const std::string& where);

/// decode_image of a file.
at::Tensor read_image(const std::filesystem::path& path);

/// The bytes of a PNG file; `image` is uint8 [height, width, 3], RGB.
std::vector<uint8_t> encode_png(const at::Tensor& image);

/// encode_png to a file, under a temporary name first. Throws RunError where that fails.
void write_png(const std::filesystem::path& path, const at::Tensor& image);

/// Images uint8 [n, height, width, 3] in rows of `columns`, `pad` white pixels around each:
/// uint8 [pad + rows (height + pad), pad + columns (width + pad), 3].
at::Tensor make_grid(const at::Tensor& images, int64_t columns, int64_t pad = 2);

}  // namespace cq
