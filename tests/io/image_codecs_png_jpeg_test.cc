#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jpeglib.h>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <png.h>

#include "cq/core/io/image_codecs.h"

// OpenCV's codecs are the other implementation: the same file must give the same pixels.

namespace cq {
namespace {

constexpr int kHeight = 19, kWidth = 23;

std::vector<uint8_t> random_bytes(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<uint8_t> bytes(count);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(generator() >> 24);
  return bytes;
}

/// A gradient with some noise, so that JPEG has something to lose.
cv::Mat picture(int type) {
  cv::Mat image(kHeight, kWidth, type);
  const auto noise = random_bytes(image.total() * image.elemSize(), 7);
  for (int y = 0; y < kHeight; ++y) {
    for (size_t x = 0; x < kWidth * image.elemSize(); ++x) {
      image.ptr(y)[x] = static_cast<uint8_t>(5 * y + 2 * x + noise[x] % 16);
    }
  }
  return image;
}

std::vector<uint8_t> by_opencv(const std::vector<uint8_t>& file) {
  const cv::Mat bgr = cv::imdecode(file, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  cv::Mat rgb;
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return {rgb.datastart, rgb.dataend};
}

std::vector<uint8_t> by_us(const std::vector<uint8_t>& file, std::string_view format,
                           uint64_t width = kWidth, uint64_t height = kHeight) {
  std::vector<uint8_t> rgb(width * height * 3);
  decode_rgb(file, {.format = format, .width = width, .height = height}, rgb);
  return rgb;
}

/// A PNG of any colour type and depth, written row by row by libpng itself.
std::vector<uint8_t> png_file(int colour, int depth, int interlace) {
  std::vector<uint8_t> file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp p, png_bytep bytes, size_t count) {
        auto* out = static_cast<std::vector<uint8_t>*>(png_get_io_ptr(p));
        out->insert(out->end(), bytes, bytes + count);
      },
      nullptr);
  png_set_IHDR(png, info, kWidth, kHeight, depth, colour, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  std::vector<png_color> palette(1u << std::min(depth, 8));
  for (size_t i = 0; i < palette.size(); ++i) {
    palette[i] = {static_cast<uint8_t>(i * 3), static_cast<uint8_t>(255 - i),
                  static_cast<uint8_t>(i * i)};
  }
  if (colour == PNG_COLOR_TYPE_PALETTE) {
    png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
  }
  png_write_info(png, info);
  const size_t stride = png_get_rowbytes(png, info);
  auto pixels = random_bytes(stride * kHeight, 11);
  std::vector<png_bytep> rows;
  for (size_t y = 0; y < kHeight; ++y) rows.push_back(pixels.data() + stride * y);
  png_write_image(png, rows.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

class PngKinds : public testing::TestWithParam<std::tuple<int, int, int>> {};

TEST_P(PngKinds, SamePixelsAsOpenCv) {
  const auto [colour, depth, interlace] = GetParam();
  const auto file = png_file(colour, depth, interlace);
  EXPECT_EQ(by_us(file, "PNG"), by_opencv(file));
}

const auto kInterlace = testing::Values(PNG_INTERLACE_NONE, PNG_INTERLACE_ADAM7);
INSTANTIATE_TEST_SUITE_P(Grey, PngKinds,
                         testing::Combine(testing::Values(PNG_COLOR_TYPE_GRAY),
                                          testing::Values(1, 2, 4, 8, 16), kInterlace));
INSTANTIATE_TEST_SUITE_P(Palette, PngKinds,
                         testing::Combine(testing::Values(PNG_COLOR_TYPE_PALETTE),
                                          testing::Values(1, 2, 4, 8), kInterlace));
INSTANTIATE_TEST_SUITE_P(Colour, PngKinds,
                         testing::Combine(testing::Values(PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGBA,
                                                          PNG_COLOR_TYPE_GRAY_ALPHA),
                                          testing::Values(8, 16), kInterlace));

TEST(ImageCodecsPngJpeg, JpegsGiveTheSamePixelsAsOpenCv) {
  for (const int type : {CV_8UC1, CV_8UC3}) {
    for (const int quality : {30, 75, 95}) {
      for (const int progressive : {0, 1}) {
        std::vector<uint8_t> file;
        cv::imencode(
            ".jpg", picture(type), file,
            {cv::IMWRITE_JPEG_QUALITY, quality, cv::IMWRITE_JPEG_PROGRESSIVE, progressive});
        EXPECT_EQ(by_us(file, "JPEG"), by_opencv(file)) << type << " " << quality;
      }
    }
  }
}

TEST(ImageCodecsPngJpeg, WhatIsEncodedDecodesToTheSamePixels) {
  const auto pixels = random_bytes(3 * kHeight * kWidth, 3);
  const auto file = encode_png_rgb(pixels, kHeight, kWidth);
  EXPECT_EQ(by_us(file, "PNG"), pixels);
  EXPECT_EQ(by_opencv(file), pixels);
}

TEST(ImageCodecsPngJpeg, DamageIsAnErrorOrAPictureButNeverACrash) {
  std::vector<uint8_t> jpeg;
  cv::imencode(".jpg", picture(CV_8UC3), jpeg);
  const auto png = png_file(PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_NONE);
  std::mt19937 generator(5);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    const bool is_png = i % 2 == 0;
    auto file = is_png ? png : jpeg;
    if (i % 3 == 0) file.resize(generator() % file.size());
    for (int k = 0; k < 4 && !file.empty(); ++k) {
      file[generator() % file.size()] = static_cast<uint8_t>(generator());
    }
    try {
      by_us(file, is_png ? "PNG" : "JPEG");
    } catch (const std::runtime_error& error) {
      EXPECT_STRNE(error.what(), "");
      ++refused;
    }
  }
  // Every PNG chunk has a checksum; a JPEG's entropy-coded data has none.
  EXPECT_GT(refused, 1000);
}

TEST(ImageCodecsPngJpeg, AnotherSizeThanTheHeadersIsRefused) {
  const auto png = png_file(PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_NONE);
  EXPECT_THROW(by_us(png, "PNG", kWidth + 1, kHeight), std::runtime_error);
  std::vector<uint8_t> jpeg;
  cv::imencode(".jpg", picture(CV_8UC3), jpeg);
  EXPECT_THROW(by_us(jpeg, "JPEG", kWidth, kHeight - 1), std::runtime_error);
  std::vector<uint8_t> small(3);
  EXPECT_THROW(decode_rgb(png, {.format = "PNG", .width = kWidth, .height = kHeight}, small),
               std::runtime_error);
}

TEST(ImageCodecsPngJpeg, OtherFormatsAreRefusedByName) {
  std::vector<uint8_t> webp;
  cv::imencode(".webp", picture(CV_8UC3), webp);
  try {
    by_us(webp, "WebP");
    FAIL() << "decoded";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("PNG and JPEG only"));
  }
}

}  // namespace
}  // namespace cq
