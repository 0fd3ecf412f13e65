#pragma once
// The errors of the program. Which class is thrown decides the exit code, so that no caller has to
// look into a message.
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace cq {

enum class ExitCode : int { done = 0, run_failed = 1, bad_usage = 2, check_failed = 3 };

/// Base of every error that the program reports to its user. The message says where, what was
/// expected, what came and what to do.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// Something failed while it ran (damaged file, full disk, NaN in a network): exit code 1.
class RunError : public Error {
 public:
  explicit RunError(const std::string& message) : Error(ExitCode::run_failed, message) {}
  template <class... Args>
  explicit RunError(fmt::format_string<Args...> format, Args&&... args)
      : RunError(fmt::format(format, std::forward<Args>(args)...)) {}
};

/// The command line or the configuration is wrong, nothing was started: exit code 2.
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(ExitCode::bad_usage, message) {}
  template <class... Args>
  explicit UsageError(fmt::format_string<Args...> format, Args&&... args)
      : UsageError(fmt::format(format, std::forward<Args>(args)...)) {}
};

/// A check that the user asked for (`--expect`) does not hold: exit code 3.
class CheckError : public Error {
 public:
  explicit CheckError(const std::string& message) : Error(ExitCode::check_failed, message) {}
};

}  // namespace cq
