#include "cq/core/io/atomic_file.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "cq/base/error.h"
#include "cq/core/io/printable.h"

namespace cq {

std::unique_ptr<StagedFile> stage_file(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw RunError("{}: exists and is no regular file, it will not be replaced",
                   printable(path.native()));
  }
  return std::make_unique<StagedFile>(path);
}

AtomicFile::AtomicFile(const std::filesystem::path& path) : staged_(stage_file(path)) {
  fd_ = ::open(staged_->path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0) throw_file_error("cannot create", path, errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
}

void AtomicFile::write(const void* data, size_t bytes) {
  const auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(fd_, next, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_file_error("cannot write", staged_->target(), errno);
    next += written;
    bytes -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  // Network file systems report a full disk only here.
  if (::close(std::exchange(fd_, -1)) != 0) {
    throw_file_error("cannot write", staged_->target(), errno);
  }
  staged_->commit();
}

void write_file(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  AtomicFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

}  // namespace cq
