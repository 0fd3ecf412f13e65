#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace cq {

struct ImageHeader {
  std::string_view format;  // "PNG", "JPEG", "WebP", "BMP"
  uint64_t width = 0, height = 0;
  bool complete = true;  // the end marker is there
};

/// Format and size as the header says, without decoding; nothing for another format or a header
/// that is cut off.
std::optional<ImageHeader> read_image_header(std::span<const uint8_t> bytes);

}  // namespace cq
