#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace cq {

/// A regular file mapped into memory, private and copy-on-write: its bytes may be changed in memory
/// without changing the file. The file must not be shortened by others while it is mapped.
class MappedFile {
 public:
  /// Throws RunError (naming the path) where the file cannot be opened or is no regular file.
  static std::shared_ptr<MappedFile> open(const std::filesystem::path& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  uint8_t* data() { return data_; }
  size_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile(std::filesystem::path path, uint8_t* data, size_t size);

  std::filesystem::path path_;
  uint8_t* data_;
  size_t size_;
};

/// Tells the system that the bytes [data, data + size) will not be read soon. Where they lie in a
/// mapped file that nothing wrote to, their memory is given back, and a later reader gets them from
/// the file again; other memory is left alone.
void release_mapped_pages(const void* data, size_t size);

}  // namespace cq
