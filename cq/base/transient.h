#pragma once
// Errors that may pass without anybody's doing: worth a second try.
#include <exception>
#include <filesystem>

#include "cq/base/error.h"

namespace cq {

/// What failed depends on others and may be better soon: memory, processes or open files that are
/// used up, a device or a network file system that does not answer.
class TransientError : public RunError {
 public:
  using RunError::RunError;
};

/// Whether an error number of the operating system tells of something that may pass: EAGAIN, EBUSY,
/// EINTR, EIO, EMFILE, ENFILE, ENOMEM, ESTALE, EREMOTEIO, ETIMEDOUT, and a network that is down.
bool is_transient(int error_number) noexcept;

/// Throws for a file that cannot be read: TransientError where that may pass, RunError otherwise.
[[noreturn]] void throw_read_error(const std::filesystem::path& path, int error_number);

/// TransientError, a std::system_error with such a number, std::bad_alloc.
bool is_transient(const std::exception& error) noexcept;

}  // namespace cq
