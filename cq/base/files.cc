#include "cq/base/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cq/base/transient.h"

namespace cq {
namespace fs = std::filesystem;

namespace {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags, mode_t mode = 0)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  /// Network file systems report a full disk only here.
  int close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

void write_all(int fd, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_file_error("cannot write", path, errno);
    content.remove_prefix(static_cast<size_t>(written));
  }
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

void remove_quietly(const fs::path& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

void rename_into_place(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw_file_error("cannot rename into", to, errno);
  sync_path(parent_of(to));
}

}  // namespace

void throw_file_error(std::string_view action, const fs::path& path, int error_number) {
  const std::string what =
      fmt::format("{} {}: {}", action, path.string(), std::strerror(error_number));
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      throw StorageError("{}; free some space there, then run again: finished work is kept", what);
    case EROFS:
    case EACCES:
    case EPERM:
      throw StorageError("{}; choose a folder that you may write (results_dir=...)", what);
    default:
      if (is_transient(error_number)) throw TransientError(what);
      throw RunError(what);
  }
}

std::string read_text(const fs::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.ok()) throw_read_error(path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 || S_ISDIR(info.st_mode)) {
    throw RunError("cannot read {}: expected a file, found a folder", path.string());
  }
  std::string content(static_cast<size_t>(info.st_size), '\0');
  size_t filled = 0;
  while (true) {
    // Pipes and /proc tell no size: grow until a read returns nothing.
    if (filled == content.size()) content.resize(content.size() + 4096);
    const ssize_t got = ::read(file.get(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_read_error(path, errno);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  content.resize(filled);
  return content;
}

void write_atomically(const fs::path& path, std::string_view content) {
  make_folders(parent_of(path));
  const fs::path temporary = temporary_beside(path);
  try {
    Descriptor file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (!file.ok()) throw_file_error("cannot create", path, errno);
    write_all(file.get(), content, path);
    if (::fsync(file.get()) != 0) throw_file_error("cannot write", path, errno);
    if (file.close() != 0) throw_file_error("cannot write", path, errno);
    rename_into_place(temporary, path);
  } catch (...) {
    remove_quietly(temporary);
    throw;
  }
}

bool write_if_changed(const fs::path& path, std::string_view content) {
  std::error_code missing;
  if (fs::file_size(path, missing) == content.size() && !missing && read_text(path) == content) {
    return false;
  }
  write_atomically(path, content);
  return true;
}

void make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw_file_error("cannot create the folder", path, error.value());
}

std::string random_token() {
  uint64_t value = 0;
  if (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) {
    throw RunError("the operating system gives no random numbers: {}", std::strerror(errno));
  }
  return fmt::format("{:016x}", value);
}

fs::path temporary_beside(const fs::path& path) {
  return parent_of(path) / fmt::format(".{}.tmp-{}", path.filename().string(), random_token());
}

void remove_abandoned_temporaries(const fs::path& folder, std::chrono::seconds age) {
  std::error_code error;
  std::vector<fs::path> abandoned;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with('.') || name.find(".tmp-") == std::string::npos) continue;
    const auto written = it->last_write_time(error);
    if (!error && fs::file_time_type::clock::now() - written > age) abandoned.push_back(it->path());
  }
  for (const auto& path : abandoned) fs::remove(path, error);
}

void sync_path(const fs::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.ok()) throw_file_error("cannot open", path, errno);
  // Some file systems cannot sync a folder and say EINVAL; the rename itself is atomic there too.
  if (::fsync(file.get()) != 0 && errno != EINVAL) throw_file_error("cannot write", path, errno);
}

bool rename_folder_into_place(const fs::path& staging, const fs::path& target) {
  for (const auto& entry : fs::recursive_directory_iterator(staging)) {
    if (entry.is_regular_file() || entry.is_directory()) sync_path(entry.path());
  }
  sync_path(staging);
  // rename(2) replaces an empty folder but no filled one: a complete target always stays.
  if (::rename(staging.c_str(), target.c_str()) == 0) {
    sync_path(parent_of(target));
    return true;
  }
  if (errno != EEXIST && errno != ENOTEMPTY) throw_file_error("cannot rename into", target, errno);
  remove_quietly(staging);
  return false;
}

int64_t folder_bytes(const fs::path& folder) {
  int64_t total = 0;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(folder, error)) {
    if (entry.is_regular_file(error)) total += static_cast<int64_t>(entry.file_size(error));
  }
  return total;
}

StagedFile::StagedFile(fs::path target) : target_(std::move(target)) {
  make_folders(parent_of(target_));
  path_ = temporary_beside(target_);
}

StagedFile::~StagedFile() {
  if (!committed_) remove_quietly(path_);
}

void StagedFile::commit() {
  sync_path(path_);
  rename_into_place(path_, target_);
  committed_ = true;
}

StagedFolder::StagedFolder(fs::path target) : target_(std::move(target)) {
  make_folders(parent_of(target_));
  path_ = temporary_beside(target_);
  make_folders(path_);
}

StagedFolder::~StagedFolder() {
  if (open_) remove_quietly(path_);
}

bool StagedFolder::commit() {
  const bool first = rename_folder_into_place(path_, target_);
  open_ = false;
  return first;
}

}  // namespace cq
