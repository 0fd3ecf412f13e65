#include "cq/core/io/crc32.h"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace cq {
namespace {

/// Bit by bit, by the definition.
uint32_t slow(std::span<const uint8_t> bytes) {
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~crc;
}

TEST(Crc32, IsThatOfTheCatalogue) {
  constexpr std::string_view text = "123456789";
  EXPECT_EQ(crc32({reinterpret_cast<const uint8_t*>(text.data()), text.size()}), 0xcbf43926);
}

TEST(Crc32, HoldsAtEverySizeAndPlace) {
  std::vector<uint8_t> bytes(400);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * i * 31 + i / 7);
  const std::span<const uint8_t> all(bytes);
  for (size_t size = 0; size <= 300; ++size) {
    for (const size_t begin : {0, 1, 15}) {
      const auto part = all.subspan(begin, size);
      EXPECT_EQ(crc32(part), slow(part)) << size << " from " << begin;
    }
  }
}

}  // namespace
}  // namespace cq
