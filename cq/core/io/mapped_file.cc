#include "cq/core/io/mapped_file.h"

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
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

/// What is mapped, by address.
struct Mappings {
  std::mutex mutex;
  std::map<const uint8_t*, size_t> sizes;
};

Mappings& mappings() {
  static auto* all = new Mappings;  // lives as long as tensors of mapped files may
  return *all;
}

/// Whether a page of a private mapping was written to, and so is no longer the file's.
bool is_written(int pagemap, const uint8_t* page, size_t page_size) {
  constexpr uint64_t kPresent = uint64_t(1) << 63, kOfFile = uint64_t(1) << 61;
  uint64_t entry = 0;
  const auto at = off_t(reinterpret_cast<uintptr_t>(page) / page_size * sizeof entry);
  if (::pread(pagemap, &entry, sizeof entry, at) != ssize_t(sizeof entry)) return true;
  return (entry & kPresent) != 0 && (entry & kOfFile) == 0;
}

}  // namespace

void release_mapped_pages(const void* data, size_t size) {
  const auto page_size = size_t(::sysconf(_SC_PAGESIZE));
  const auto* first = static_cast<const uint8_t*>(data);
  const std::lock_guard lock(mappings().mutex);
  const auto next = mappings().sizes.upper_bound(first);
  if (next == mappings().sizes.begin()) return;
  const auto& [begin, length] = *std::prev(next);
  if (first + size > begin + length) return;
  // Mappings begin at a page; a page that is only partly in the range stays.
  const auto offset = size_t(first - begin);
  const size_t from = (offset + page_size - 1) / page_size * page_size;
  const size_t to = (offset + size) / page_size * page_size;
  if (from >= to) return;
  const Descriptor pagemap{::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)};
  if (pagemap.fd < 0) return;
  for (size_t at = from; at < to; at += page_size) {
    if (is_written(pagemap.fd, begin + at, page_size)) return;
  }
  ::madvise(const_cast<uint8_t*>(begin + from), to - from, MADV_DONTNEED);
}

MappedFile::MappedFile(std::filesystem::path path, uint8_t* data, size_t size)
    : path_(std::move(path)), data_(data), size_(size) {
  if (data_ == nullptr) return;
  const std::lock_guard lock(mappings().mutex);
  mappings().sizes[data_] = size_;
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  const std::lock_guard lock(mappings().mutex);
  mappings().sizes.erase(data_);
  ::munmap(data_, size_);
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
