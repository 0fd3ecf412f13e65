#pragma once
#include <cstdint>
#include <span>

namespace cq {

/// CRC-32 of zip files (polynomial 0x04C11DB7, reflected) at the speed of memory where the
/// processor multiplies without carries, else zlib's.
uint32_t crc32(std::span<const uint8_t> bytes);

}  // namespace cq
