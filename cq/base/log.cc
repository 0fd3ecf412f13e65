#include "cq/base/log.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/terminal.h"

namespace cq {
namespace {

constexpr std::array<const char*, 5> names{"debug", "info", "warning", "error", "off"};
std::atomic<LogLevel> threshold{LogLevel::info};

struct Sinks {
  std::mutex mutex;
  std::vector<LogSink*> list;
};

Sinks& sinks() {
  static Sinks instance;
  return instance;
}

const char* name_of(LogLevel level) {
  return names.at(static_cast<size_t>(level));
}

}  // namespace

LogLevel parse_log_level(std::string_view name) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return static_cast<LogLevel>(i);
  }
  throw UsageError("unknown log level '{}': expected debug, info, warning, error or off", name);
}

void set_log_level(LogLevel level) {
  threshold = level;
}
LogLevel log_level() {
  return threshold;
}

bool log_enabled(LogLevel level) {
  return level >= std::min(threshold.load(), LogLevel::info);
}

void log_line(LogLevel level, std::string_view text) {
  if (!log_enabled(level)) return;
  if (level >= threshold) {
    const bool plain = level == LogLevel::info;
    Terminal::standard_error().print(plain ? std::string(text)
                                           : fmt::format("{}: {}", name_of(level), text));
  }
  Sinks& all = sinks();
  const std::lock_guard lock(all.mutex);
  for (LogSink* sink : all.list) sink->take(level, text);
}

AttachedSink::AttachedSink(LogSink& sink) : sink_(&sink) {
  const std::lock_guard lock(sinks().mutex);
  sinks().list.push_back(sink_);
}

AttachedSink::~AttachedSink() {
  const std::lock_guard lock(sinks().mutex);
  std::erase(sinks().list, sink_);
}

LogFile::LogFile(const std::filesystem::path& path) {
  make_folders(path.parent_path());
  errno = 0;
  file_.open(path, std::ios::app);
  if (!file_) throw_file_error("cannot open the log", path, errno);
}

void LogFile::take(LogLevel level, std::string_view text) {
  file_ << utc_time() << ' ' << name_of(level) << ' ' << text << std::endl;
  file_.clear();
}

void LogTail::take(LogLevel level, std::string_view text) {
  const std::lock_guard lock(mutex_);
  lines_.push_back(fmt::format("{} {}", name_of(level), text));
  if (lines_.size() > capacity_) lines_.pop_front();
}

std::vector<std::string> LogTail::lines() const {
  const std::lock_guard lock(mutex_);
  return {lines_.begin(), lines_.end()};
}

std::string utc_time() {
  const std::time_t now = std::time(nullptr);
  std::tm fields{};
  ::gmtime_r(&now, &fields);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &fields);
  return text;
}

}  // namespace cq
