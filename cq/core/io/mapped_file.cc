#include "cq/core/io/mapped_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cq/base/transient.h"
#include "cq/core/io/printable.h"

namespace cq {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

MappedFile::MappedFile(std::filesystem::path path, uint8_t* data, size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

std::shared_ptr<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const std::string where = printable(path.native());
  // O_NONBLOCK: a pipe must not block before it is refused.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  const auto refuse = [&](const char* action) {
    const int error = errno;
    const auto what = fmt::format("{}: cannot {}: {}", where, action, std::strerror(error));
    if (is_transient(error)) throw TransientError(what);
    throw RunError(what);
  };
  if (file.fd < 0) refuse("open");
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) refuse("read its size");
  if (!S_ISREG(status.st_mode)) throw RunError("{}: expected a regular file", where);
  const auto size = static_cast<size_t>(status.st_size);
  if (size == 0) return std::shared_ptr<MappedFile>(new MappedFile(path, nullptr, 0));
  void* data =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.fd, 0);
  if (data == MAP_FAILED) refuse("map");
  return std::shared_ptr<MappedFile>(new MappedFile(path, static_cast<uint8_t*>(data), size));
}

}  // namespace cq
