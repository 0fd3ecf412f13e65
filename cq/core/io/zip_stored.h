#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>

namespace cq {

/// Where the bytes of a member that is neither compressed nor encrypted lie.
struct StoredMember {
  uint64_t offset, size;
  uint32_t crc;
};

/// The stored members of a zip file (zip64 too) by name, for use without a copy. Members whose
/// headers contradict each other or the file's size are left out; so is everything where the
/// directory cannot be followed: then the library that reads any zip says what is wrong with it.
std::unordered_map<std::string, StoredMember> stored_members(std::span<const uint8_t> file);

}  // namespace cq
