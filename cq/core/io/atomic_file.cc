#include "cq/core/io/atomic_file.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "cq/base/error.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

void sync(const std::filesystem::path& path, const std::filesystem::path& reported) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  // EINVAL: file systems that cannot sync a folder.
  const bool failed = fd < 0 || (::fsync(fd) != 0 && errno != EINVAL);
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (failed) {
    throw RunError("{}: cannot bring it to the disk: {}", printable(reported.native()),
                   std::strerror(error));
  }
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

std::filesystem::path temporary_name(const std::filesystem::path& path) {
  static std::atomic<uint64_t> count{0};
  return folder_of(path) /
         fmt::format(".{}.{}-{}.partial", path.filename().native(), ::getpid(), count.fetch_add(1));
}

void check_replaceable(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw RunError("{}: exists and is no regular file, it will not be replaced",
                   printable(path.native()));
  }
}

void move_into_place(const std::filesystem::path& temporary, const std::filesystem::path& path) {
  sync(temporary, path);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    throw RunError("{}: cannot rename the finished file into place: {}", printable(path.native()),
                   std::strerror(errno));
  }
  sync(folder_of(path), path);
}

AtomicFile::AtomicFile(std::filesystem::path path)
    : path_(std::move(path)), temporary_(temporary_name(path_)) {
  check_replaceable(path_);
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0) {
    throw RunError("{}: cannot create: {}", printable(path_.native()), std::strerror(errno));
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t bytes) {
  const auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(fd_, next, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      throw RunError("{}: cannot write: {}", printable(path_.native()), std::strerror(errno));
    }
    next += written;
    bytes -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  const int fd = std::exchange(fd_, -1);
  // Network file systems report a full disk only here.
  if (::close(fd) != 0) {
    throw RunError("{}: cannot write: {}", printable(path_.native()), std::strerror(errno));
  }
  move_into_place(temporary_, path_);
  temporary_.clear();
}

void write_file(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  AtomicFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

}  // namespace cq
