#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <stdexcept>
#include <string>

#include <jpeglib.h>
#include <png.h>

#include "cq/core/io/image_codecs.h"

namespace cq {
namespace {

// Both libraries report errors by longjmp, which must not skip a destructor: the functions that
// call setjmp hold plain data only and give back an error text that their callers throw.

struct PngSource {
  const uint8_t* bytes;
  size_t size;
  size_t at;
};

struct PngError {
  char text[160];
};

[[noreturn]] void on_png_error(png_structp png, png_const_charp text) {
  auto* error = static_cast<PngError*>(png_get_error_ptr(png));
  std::snprintf(error->text, sizeof error->text, "%s", text);
  png_longjmp(png, 1);
}

void on_png_warning(png_structp, png_const_charp) {}

void read_png_bytes(png_structp png, png_bytep out, size_t count) {
  auto* source = static_cast<PngSource*>(png_get_io_ptr(png));
  if (count > source->size - source->at) png_error(png, "the data ends early");
  std::copy_n(source->bytes + source->at, count, out);
  source->at += count;
}

/// True when `rgb` is filled; otherwise `error` says why.
bool read_png(PngSource* source, uint8_t* rgb, png_bytep* rows, const ImageHeader& header,
              PngError* error) {
  png_structp png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, error, on_png_error, on_png_warning);
  if (!png) return false;
  png_infop info = png_create_info_struct(png);
  if (!info || setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, nullptr);
    return false;
  }
  png_set_read_fn(png, source, read_png_bytes);
  png_read_info(png, info);
  if (png_get_image_width(png, info) != header.width ||
      png_get_image_height(png, info) != header.height) {
    png_error(png, "the size is not that of the header");
  }
  png_set_strip_16(png);
  png_set_expand(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_rowbytes(png, info) != 3 * header.width) png_error(png, "unexpected row size");
  for (size_t y = 0; y < header.height; ++y) rows[y] = rgb + 3 * header.width * y;
  png_read_image(png, rows);
  png_destroy_read_struct(&png, &info, nullptr);
  return true;
}

struct JpegError {
  jpeg_error_mgr manager;
  std::jmp_buf back;
  char text[JMSG_LENGTH_MAX];
};

void on_jpeg_error(j_common_ptr jpeg) {
  auto* error = reinterpret_cast<JpegError*>(jpeg->err);
  jpeg->err->format_message(jpeg, error->text);
  std::longjmp(error->back, 1);
}

void on_jpeg_message(j_common_ptr) {}

bool read_jpeg(std::span<const uint8_t> bytes, uint8_t* rgb, const ImageHeader& header,
               JpegError* error) {
  jpeg_decompress_struct jpeg{};
  jpeg.err = jpeg_std_error(&error->manager);
  error->manager.error_exit = on_jpeg_error;
  error->manager.output_message = on_jpeg_message;
  if (setjmp(error->back)) {
    jpeg_destroy_decompress(&jpeg);
    return false;
  }
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, bytes.data(), bytes.size());
  jpeg_read_header(&jpeg, TRUE);
  // Four-colour images come out as CMYK, which libjpeg refuses to convert with a clear message.
  jpeg.out_color_space = JCS_RGB;
  jpeg_start_decompress(&jpeg);
  if (jpeg.output_width != header.width || jpeg.output_height != header.height ||
      jpeg.output_components != 3) {
    std::snprintf(error->text, sizeof error->text, "the size is not that of the header");
    jpeg_destroy_decompress(&jpeg);
    return false;
  }
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = rgb + 3 * header.width * jpeg.output_scanline;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
  return true;
}

}  // namespace

void decode_rgb(std::span<const uint8_t> bytes, const ImageHeader& header, std::span<uint8_t> rgb) {
  if (rgb.size() != 3 * header.width * header.height) {
    throw std::runtime_error("the pixel buffer does not fit the header");
  }
  if (header.format == "PNG") {
    std::vector<png_bytep> rows(header.height);
    PngSource source{bytes.data(), bytes.size(), 0};
    PngError error{"out of memory"};
    if (!read_png(&source, rgb.data(), rows.data(), header, &error)) {
      throw std::runtime_error(error.text);
    }
  } else if (header.format == "JPEG") {
    JpegError error{};
    if (!read_jpeg(bytes, rgb.data(), header, &error)) throw std::runtime_error(error.text);
  } else {
    throw std::runtime_error("this program was built to read PNG and JPEG only");
  }
}

std::vector<uint8_t> encode_png_rgb(std::span<const uint8_t> rgb, int height, int width) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<uint8_t> bytes(size);
  if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, rgb.data(), 0, nullptr)) {
    throw std::runtime_error(image.message);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace cq
