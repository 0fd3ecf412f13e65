// Field offsets are those of PKWARE's APPNOTE.TXT 6.3, sections 4.3.7 to 4.3.16.
#include "cq/core/io/zip_stored.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace cq {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50,
                   kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr uint64_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kEnd64Size = 56,
                   kLocatorSize = 20;
constexpr uint32_t kIn64 = 0xffffffff;
constexpr uint16_t kEncrypted = 1;

bool inside(Bytes file, uint64_t at, uint64_t size) {
  return at <= file.size() && size <= file.size() - at;
}

/// Little-endian, as this machine.
template <class T>
T read(Bytes bytes, uint64_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

struct Directory {
  uint64_t offset, size;
};

std::optional<Directory> find_directory64(Bytes file, uint64_t end) {
  if (end < kLocatorSize || read<uint32_t>(file, end - kLocatorSize) != kLocator64) return {};
  const auto at = read<uint64_t>(file, end - kLocatorSize + 8);
  if (!inside(file, at, kEnd64Size) || read<uint32_t>(file, at) != kEnd64) return {};
  return Directory{read<uint64_t>(file, at + 48), read<uint64_t>(file, at + 40)};
}

std::optional<Directory> find_directory(Bytes file) {
  constexpr uint64_t kLongestComment = 65535;
  for (uint64_t tail = kEndSize; tail <= std::min(file.size(), kEndSize + kLongestComment);
       ++tail) {
    const uint64_t end = file.size() - tail;
    if (read<uint32_t>(file, end) != kEnd) continue;
    if (read<uint16_t>(file, end + 20) != tail - kEndSize) continue;
    const auto size = read<uint32_t>(file, end + 12), offset = read<uint32_t>(file, end + 16);
    if (const auto wide = find_directory64(file, end)) return wide;
    if (size == kIn64 || offset == kIn64) return {};
    return Directory{offset, size};
  }
  return {};
}

struct Central {
  std::string name;
  uint16_t flags, method;
  uint32_t crc;
  uint64_t compressed, size, local;
};

/// Takes the 64-bit values of the extra field for those that did not fit.
bool widen(Bytes extra, Central& entry) {
  for (uint64_t at = 0; inside(extra, at, 4);) {
    const auto id = read<uint16_t>(extra, at), length = read<uint16_t>(extra, at + 2);
    if (!inside(extra, at + 4, length)) return false;
    if (id == 1) {
      uint64_t field = at + 4;
      for (uint64_t* value : {&entry.size, &entry.compressed, &entry.local}) {
        if (*value != kIn64) continue;
        if (field + 8 > at + 4 + length) return false;
        *value = read<uint64_t>(extra, field);
        field += 8;
      }
      return true;
    }
    at += 4 + length;
  }
  return entry.size != kIn64 && entry.compressed != kIn64 && entry.local != kIn64;
}

/// The bytes' place, where the local header agrees.
std::optional<StoredMember> locate(Bytes file, const Central& entry) {
  if (entry.method != 0 || (entry.flags & kEncrypted) != 0 || entry.compressed != entry.size ||
      !inside(file, entry.local, kLocalSize) || read<uint32_t>(file, entry.local) != kLocal) {
    return {};
  }
  const auto name = read<uint16_t>(file, entry.local + 26);
  const auto extra = read<uint16_t>(file, entry.local + 28);
  const uint64_t at = entry.local + kLocalSize;
  const bool agrees = name == entry.name.size() && inside(file, at, name + extra) &&
                      std::equal(entry.name.begin(), entry.name.end(), file.begin() + int64_t(at),
                                 [](char a, uint8_t b) { return uint8_t(a) == b; });
  if (!agrees || !inside(file, at + name + extra, entry.size)) return {};
  return StoredMember{at + name + extra, entry.size, entry.crc};
}

}  // namespace

std::unordered_map<std::string, StoredMember> stored_members(Bytes file) {
  std::unordered_map<std::string, StoredMember> members;
  const auto directory = find_directory(file);
  if (!directory || !inside(file, directory->offset, directory->size)) return members;
  const Bytes list = file.subspan(directory->offset, directory->size);
  for (uint64_t at = 0; inside(list, at, kCentralSize);) {
    if (read<uint32_t>(list, at) != kCentral) return {};
    const auto name = read<uint16_t>(list, at + 28), extra = read<uint16_t>(list, at + 30),
               comment = read<uint16_t>(list, at + 32);
    const uint64_t behind = at + kCentralSize;
    if (!inside(list, behind, uint64_t(name) + extra + comment)) return {};
    Central entry{std::string(reinterpret_cast<const char*>(list.data() + behind), name),
                  read<uint16_t>(list, at + 8),
                  read<uint16_t>(list, at + 10),
                  read<uint32_t>(list, at + 16),
                  read<uint32_t>(list, at + 20),
                  read<uint32_t>(list, at + 24),
                  read<uint32_t>(list, at + 42)};
    if (widen(list.subspan(behind + name, extra), entry)) {
      if (const auto member = locate(file, entry)) members.emplace(entry.name, *member);
    }
    at = behind + name + extra + comment;
  }
  return members;
}

}  // namespace cq
