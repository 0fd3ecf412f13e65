#pragma once
// The decoders and the encoder behind image.h, which checks sizes before and after. A program is
// linked with one of two implementations: image_codecs_opencv.cc, which reads every format that
// image.h names, or image_codecs_png_jpeg.cc, which needs only libpng and libjpeg.
#include <cstdint>
#include <span>
#include <vector>

#include "cq/core/io/image_header.h"

namespace cq {

/// Decodes an image whose header is sound to `rgb`, header.height rows of header.width RGB pixels.
/// Throws std::runtime_error for a damaged image.
void decode_rgb(std::span<const uint8_t> bytes, const ImageHeader& header, std::span<uint8_t> rgb);

/// The bytes of a PNG file of height rows of width RGB pixels. Throws std::runtime_error where
/// memory or the format's limits do not allow it.
std::vector<uint8_t> encode_png_rgb(std::span<const uint8_t> rgb, int height, int width);

}  // namespace cq
