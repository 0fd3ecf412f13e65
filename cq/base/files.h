#pragma once
// Files that are either whole or absent: everything is written under a temporary name in the same
// folder and renamed into place.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "cq/base/error.h"

namespace cq {

/// The storage refuses: full disk, quota, file size limit, read-only folder, missing permission.
/// Going on with other work would fail in the same way.
class StorageError : public RunError {
 public:
  using RunError::RunError;
};

/// Throws for the operating system's `error_number`: StorageError where the storage itself refuses,
/// RunError otherwise. `action` reads "cannot write", "cannot open", ...
[[noreturn]] void throw_file_error(std::string_view action, const std::filesystem::path& path,
                                   int error_number);

/// The whole content of a file. Throws RunError (missing, a folder, unreadable).
std::string read_text(const std::filesystem::path& path);

/// Writes `content` under a temporary name in the same folder, fsyncs and renames, so that readers
/// see the old file or the new one and a full disk leaves no half file. Creates missing folders.
/// Throws StorageError or RunError.
void write_atomically(const std::filesystem::path& path, std::string_view content);

/// As write_atomically, but leaves the file alone when it holds exactly `content` already.
/// Returns whether it wrote.
bool write_if_changed(const std::filesystem::path& path, std::string_view content);

/// Like std::filesystem::create_directories, with errors as this header's functions give them.
void make_folders(const std::filesystem::path& path);

/// 16 random hexadecimal digits from the operating system, for names that must not collide between
/// processes and machines.
std::string random_token();

/// `.<name>.tmp-<token>` beside `path`.
std::filesystem::path temporary_beside(const std::filesystem::path& path);

/// Removes the temporary files of killed writers directly in `folder`: those of temporary_beside()
/// that nobody has written to for `age`. Errors are left for the next time.
void remove_abandoned_temporaries(const std::filesystem::path& folder, std::chrono::seconds age);

/// Flushes a file or folder to the storage. Throws StorageError or RunError.
void sync_path(const std::filesystem::path& path);

/// Fsyncs every file below `staging` and renames it to `target` on the same file system. Returns
/// false, and drops `staging`, when `target` has come into being meanwhile (another process was
/// first).
bool rename_folder_into_place(const std::filesystem::path& staging,
                              const std::filesystem::path& target);

/// Sum of the sizes of the regular files below `folder`, in bytes.
int64_t folder_bytes(const std::filesystem::path& folder);

/// A file that some other writer (HDF5, libzip) fills under `path()`; `commit()` fsyncs and renames
/// it to `target()`. Removed when it is abandoned.
class StagedFile {
 public:
  explicit StagedFile(std::filesystem::path target);
  ~StagedFile();
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& target() const { return target_; }
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
  bool committed_ = false;
};

/// A folder that is filled under `path()` and becomes `target()` as a whole on commit. Removed when
/// it is abandoned.
class StagedFolder {
 public:
  explicit StagedFolder(std::filesystem::path target);
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& target() const { return target_; }

  /// As rename_folder_into_place.
  bool commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
  bool open_ = true;
};

}  // namespace cq
