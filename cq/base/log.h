#pragma once
// The program's log: people's lines on standard error, and files that listen while they live.
#include <cstddef>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace cq {

enum class LogLevel : int { debug, info, warning, error, off };

/// `debug`, `info`, `warning`, `error` or `off`; throws UsageError listing them.
LogLevel parse_log_level(std::string_view name);

/// Lines below `level` do not reach standard error. Sinks get every line from `info` on, and debug
/// lines when standard error gets them.
void set_log_level(LogLevel level);
LogLevel log_level();

/// Whether a line of this level would go anywhere; use it to spare costly arguments.
bool log_enabled(LogLevel level);

/// Logs one line. Thread safe; never throws.
void log_line(LogLevel level, std::string_view text);

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::debug)) {
    log_line(LogLevel::debug, fmt::format(format, std::forward<Args>(args)...));
  }
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::error, fmt::format(format, std::forward<Args>(args)...));
}

/// Gets the lines that are logged, from whatever thread, while it lives.
class LogSink {
 public:
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;
  virtual ~LogSink() = default;
  /// Called by one thread at a time; may not log.
  virtual void take(LogLevel level, std::string_view text) = 0;

 protected:
  LogSink() = default;
};

/// Attaches a sink for a scope.
class AttachedSink {
 public:
  explicit AttachedSink(LogSink& sink);
  ~AttachedSink();
  AttachedSink(const AttachedSink&) = delete;
  AttachedSink& operator=(const AttachedSink&) = delete;

 private:
  LogSink* sink_;
};

/// Appends lines with UTC time and level to a file (a cell's log.txt). Opening throws StorageError
/// or RunError; a write that fails later (full disk) is given up without stopping the work.
class LogFile : public LogSink {
 public:
  explicit LogFile(const std::filesystem::path& path);
  void take(LogLevel level, std::string_view text) override;

 private:
  std::ofstream file_;
};

/// Keeps the last lines, for error summaries.
class LogTail : public LogSink {
 public:
  explicit LogTail(size_t capacity) : capacity_(capacity) {}
  void take(LogLevel level, std::string_view text) override;
  std::vector<std::string> lines() const;

 private:
  size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<std::string> lines_;
};

/// Now as `2026-01-31T12:00:00Z`.
std::string utc_time();

}  // namespace cq
