#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "cq/base/files.h"

namespace cq {

/// A StagedFile for `path`. Throws RunError where `path` exists and is no regular file: a device
/// must not be replaced by a rename.
std::unique_ptr<StagedFile> stage_file(const std::filesystem::path& path);

/// A file that is written piece by piece and appears under its name only when it is complete.
/// Without commit() nothing is left.
class AtomicFile {
 public:
  /// Throws as stage_file, and StorageError where the folder cannot be written.
  explicit AtomicFile(const std::filesystem::path& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// Appends. Throws StorageError where the disk is full, RunError where the write fails otherwise.
  void write(const void* data, size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// Brings the bytes to the disk and renames.
  void commit();

 private:
  std::unique_ptr<StagedFile> staged_;
  int fd_ = -1;
};

/// Writes a whole file at once.
void write_file(const std::filesystem::path& path, std::span<const uint8_t> bytes);

}  // namespace cq
