#include "cq/core/io/image.h"

#include <algorithm>
#include <exception>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include "cq/base/error.h"
#include "cq/core/io/atomic_file.h"
#include "cq/core/io/dtype.h"
#include "cq/core/io/image_codecs.h"
#include "cq/core/io/image_header.h"
#include "cq/core/io/mapped_file.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

constexpr uint64_t kMostPixels = 1u << 26;

void check_is_image(const at::Tensor& image) {
  if (image.dim() != 3 || image.size(2) != 3 || image.scalar_type() != at::kByte ||
      image.numel() == 0) {
    throw RunError("an image must be uint8 [height, width, 3], came {} {}",
                   c10::toString(image.scalar_type()), shape_text(image.sizes().vec()));
  }
}

}  // namespace

at::Tensor decode_image(std::span<const uint8_t> bytes, const std::string& where) {
  const auto header = read_image_header(bytes);
  if (!header)
    throw RunError("{}: no PNG, JPEG, WebP or BMP image, or its header is damaged", where);
  if (header->width == 0 || header->height == 0 || header->width > kMostPixels / header->height) {
    throw RunError("{}: {} image of {} x {} pixels, expected 1 to {} pixels", where, header->format,
                   header->width, header->height, kMostPixels);
  }
  if (!header->complete) throw RunError("{}: the {} image is cut off", where, header->format);
  const auto height = static_cast<int64_t>(header->height);
  const auto width = static_cast<int64_t>(header->width);
  at::Tensor image = at::empty({height, width, 3}, at::kByte);
  try {
    decode_rgb(bytes, *header, {image.data_ptr<uint8_t>(), static_cast<size_t>(image.numel())});
  } catch (const std::exception& error) {
    throw RunError("{}: the {} image cannot be decoded: {}", where, header->format,
                   printable(error.what()));
  }
  return image;
}

at::Tensor read_image(const std::filesystem::path& path) {
  return decode_image(MappedFile::open(path)->bytes(), printable(path.native()));
}

std::vector<uint8_t> encode_png(const at::Tensor& image) {
  check_is_image(image);
  const at::Tensor pixels = image.cpu().contiguous();
  try {
    return encode_png_rgb({pixels.data_ptr<uint8_t>(), static_cast<size_t>(pixels.numel())},
                          static_cast<int>(image.size(0)), static_cast<int>(image.size(1)));
  } catch (const std::exception& error) {
    throw RunError("a {} x {} image cannot be written as PNG: {}", image.size(1), image.size(0),
                   printable(error.what()));
  }
}

void write_png(const std::filesystem::path& path, const at::Tensor& image) {
  write_file(path, encode_png(image));
}

at::Tensor make_grid(const at::Tensor& images, int64_t columns, int64_t pad) {
  if (images.dim() != 4 || images.size(3) != 3 || images.scalar_type() != at::kByte ||
      images.numel() == 0 || columns < 1 || pad < 0) {
    throw RunError("a grid needs uint8 [n, height, width, 3] images, came {} {} ({} columns)",
                   c10::toString(images.scalar_type()), shape_text(images.sizes().vec()), columns);
  }
  const int64_t n = images.size(0), height = images.size(1), width = images.size(2);
  columns = std::min(columns, n);
  const int64_t rows = (n + columns - 1) / columns;
  at::Tensor grid = at::full({pad + rows * (height + pad), pad + columns * (width + pad), 3}, 255,
                             images.options());
  for (int64_t i = 0; i < n; ++i) {
    const int64_t y = pad + i / columns * (height + pad), x = pad + i % columns * (width + pad);
    grid.slice(0, y, y + height).slice(1, x, x + width).copy_(images.select(0, i));
  }
  return grid;
}

}  // namespace cq
