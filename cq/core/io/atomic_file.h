#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace cq {

/// A file that appears under its name only when it is complete: bytes go to a temporary name in the
/// same folder, commit() brings them to the disk and renames. Without commit() nothing is left.
class AtomicFile {
 public:
  /// Throws RunError where the folder does not exist or cannot be written, or where `path` is
  /// something else than a regular file.
  explicit AtomicFile(std::filesystem::path path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// Appends. Throws RunError where the disk is full or the write fails otherwise.
  void write(const void* data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }

  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
};

/// A name in the folder of `path` that no other process and no other call uses.
std::filesystem::path temporary_name(const std::filesystem::path& path);

/// Throws RunError where `path` exists and is no regular file (a device must not be replaced).
void check_replaceable(const std::filesystem::path& path);

/// fsync of the file `temporary` and of its folder, and rename to `path`. Throws RunError.
void move_into_place(const std::filesystem::path& temporary, const std::filesystem::path& path);

/// Writes a whole file at once.
void write_file(const std::filesystem::path& path, std::span<const uint8_t> bytes);

}  // namespace cq
