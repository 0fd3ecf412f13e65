#include "cq/base/transient.h"

#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

namespace cq {

bool is_transient(int error_number) noexcept {
  switch (error_number) {
    case EAGAIN:
    case EBUSY:
    case EINTR:
    case EIO:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ESTALE:
    case EREMOTEIO:
    case ETIMEDOUT:
    case ECONNRESET:
    case ECONNABORTED:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

void throw_read_error(const std::filesystem::path& path, int error_number) {
  const std::string what =
      fmt::format("cannot read {}: {}", path.string(), std::strerror(error_number));
  if (is_transient(error_number)) throw TransientError(what);
  throw RunError(what);
}

bool is_transient(const std::exception& error) noexcept {
  if (dynamic_cast<const TransientError*>(&error) != nullptr) return true;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  const auto* system = dynamic_cast<const std::system_error*>(&error);
  return system != nullptr && is_transient(system->code().value());
}

}  // namespace cq
