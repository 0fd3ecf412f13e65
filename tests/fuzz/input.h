#pragma once
#include <cstdlib>
#include <filesystem>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "cq/base/error.h"

namespace cq::fuzz {

/// An input as a file that readers can open; it lives in memory.
class InputFile {
 public:
  InputFile(const uint8_t* data, size_t size) : fd_(memfd_create("input", MFD_CLOEXEC)) {
    if (fd_ < 0 || (size > 0 && write(fd_, data, size) != ssize_t(size))) std::abort();
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { close(fd_); }

  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

/// A reader may refuse an input, with an Error and nothing else.
template <class Read>
int attempt(Read read) {
  try {
    read();
  } catch (const Error&) {
  }
  return 0;
}

}  // namespace cq::fuzz
