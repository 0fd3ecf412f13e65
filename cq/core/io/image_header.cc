#include "cq/core/io/image_header.h"

#include <algorithm>
#include <array>

namespace cq {
namespace {

using Bytes = std::span<const uint8_t>;

std::string_view text(Bytes bytes, size_t begin, size_t length) {
  if (begin > bytes.size() || length > bytes.size() - begin) return {};
  return {reinterpret_cast<const char*>(bytes.data()) + begin, length};
}

uint64_t big_endian(Bytes bytes, size_t begin, size_t length) {
  uint64_t value = 0;
  for (size_t i = 0; i < length; ++i) value = value << 8 | bytes[begin + i];
  return value;
}

uint64_t little_endian(Bytes bytes, size_t begin, size_t length) {
  uint64_t value = 0;
  for (size_t i = length; i > 0; --i) value = value << 8 | bytes[begin + i - 1];
  return value;
}

std::optional<ImageHeader> png(Bytes bytes) {
  if (text(bytes, 12, 4) != "IHDR" || bytes.size() < 24) return std::nullopt;
  const std::string_view all = text(bytes, 0, bytes.size());
  return ImageHeader{"PNG", big_endian(bytes, 16, 4), big_endian(bytes, 20, 4),
                     all.find("IEND") != std::string_view::npos};
}

// Walks the marker segments up to the start of frame (ITU T.81, B.1.1).
std::optional<ImageHeader> jpeg(Bytes bytes) {
  size_t at = 2;
  while (at + 4 <= bytes.size()) {
    if (bytes[at] != 0xff) return std::nullopt;
    const uint8_t marker = bytes[at + 1];
    if (marker == 0xff) {
      ++at;  // fill byte
      continue;
    }
    const bool frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) {
      if (at + 9 > bytes.size()) return std::nullopt;
      constexpr std::array<uint8_t, 2> kEnd = {0xff, 0xd9};
      const Bytes rest = bytes.subspan(at);
      const bool complete =
          std::search(rest.begin(), rest.end(), kEnd.begin(), kEnd.end()) != rest.end();
      return ImageHeader{"JPEG", big_endian(bytes, at + 7, 2), big_endian(bytes, at + 5, 2),
                         complete};
    }
    const bool alone = marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    at += 2 + (alone ? 0 : big_endian(bytes, at + 2, 2));
  }
  return std::nullopt;
}

// RFC 9649: a VP8, VP8L or VP8X chunk comes first.
std::optional<ImageHeader> webp(Bytes bytes) {
  if (bytes.size() < 30) return std::nullopt;
  const bool complete = little_endian(bytes, 4, 4) + 8 <= bytes.size();
  const std::string_view chunk = text(bytes, 12, 4);
  if (chunk == "VP8X") {
    return ImageHeader{"WebP", little_endian(bytes, 24, 3) + 1, little_endian(bytes, 27, 3) + 1,
                       complete};
  }
  if (chunk == "VP8L") {
    const uint64_t bits = little_endian(bytes, 21, 4);
    return ImageHeader{"WebP", (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, complete};
  }
  if (chunk == "VP8 ") {
    return ImageHeader{"WebP", little_endian(bytes, 26, 2) & 0x3fff,
                       little_endian(bytes, 28, 2) & 0x3fff, complete};
  }
  return std::nullopt;
}

std::optional<ImageHeader> bmp(Bytes bytes) {
  if (bytes.size() < 26) return std::nullopt;
  const bool old = little_endian(bytes, 14, 4) == 12;
  const auto size = [&](size_t i) -> uint64_t {
    if (old) return little_endian(bytes, 18 + 2 * i, 2);
    const auto value = static_cast<int32_t>(little_endian(bytes, 18 + 4 * i, 4));
    return static_cast<uint64_t>(value < 0 ? -static_cast<int64_t>(value) : value);
  };
  return ImageHeader{"BMP", size(0), size(1), little_endian(bytes, 2, 4) <= bytes.size()};
}

}  // namespace

std::optional<ImageHeader> read_image_header(Bytes bytes) {
  if (text(bytes, 0, 8) == "\x89PNG\r\n\x1a\n") return png(bytes);
  if (text(bytes, 0, 3) == "\xff\xd8\xff") return jpeg(bytes);
  if (text(bytes, 0, 4) == "RIFF" && text(bytes, 8, 4) == "WEBP") return webp(bytes);
  if (text(bytes, 0, 2) == "BM") return bmp(bytes);
  return std::nullopt;
}

}  // namespace cq
