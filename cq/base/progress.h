#pragma once
// Progress of running stages and of the whole: live bars on a terminal, plain lines at growing
// intervals elsewhere, JSON lines for machines.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cq/base/terminal.h"

namespace cq {

enum class ProgressStyle { automatic, bars, lines, json, quiet };

/// Where the whole run stands; the running stages' own remaining time is added when shown.
struct WholeProgress {
  std::string label;
  int64_t done = 0;
  int64_t total = 0;
  std::string unit;
  /// Seconds expected for what has not begun; absent while nothing is known.
  std::optional<double> remaining_seconds;
};

/// One running stage. `add` costs one relaxed atomic addition.
class ProgressBar {
 public:
  using Clock = std::chrono::steady_clock;
  ProgressBar(std::string label, int64_t total, std::string unit)
      : label_(std::move(label)), unit_(std::move(unit)), total_(total) {}

  void add(int64_t amount = 1) { done_.fetch_add(amount, std::memory_order_relaxed); }
  void set(int64_t done) { done_.store(done, std::memory_order_relaxed); }
  /// For stages that learn their size late, or resume from a checkpoint (`already` done before is
  /// left out of the rate).
  void expect(int64_t total, std::string unit, int64_t already = 0);

  struct State {
    std::string label, unit;
    int64_t done, total;
    double seconds, rate;
    std::optional<double> eta_seconds;
  };
  State state() const;

 private:
  friend class Progress;
  std::string label_;
  std::string unit_;
  std::atomic<int64_t> done_{0};
  int64_t total_;
  int64_t already_ = 0;
  Clock::time_point start_ = Clock::now();
  double next_line_seconds_ = 5;
  int64_t last_reported_ = -1;
  mutable std::mutex mutex_;
};

/// Shows bars until they end. Thread safe.
class Progress {
 public:
  explicit Progress(ProgressStyle style = ProgressStyle::automatic,
                    Terminal& terminal = Terminal::standard_error());
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Begins a bar that lives until the handle is gone. `total` 0 is "unknown".
  std::shared_ptr<ProgressBar> start(std::string label, int64_t total = 0, std::string unit = "");

  void set_whole(WholeProgress whole);

 private:
  void finish(ProgressBar* bar);
  void loop();
  void render();
  void render_bars();
  void render_lines(ProgressBar& bar);
  void print_json(const char* event, const ProgressBar::State& state);
  std::optional<double> whole_eta() const;

  ProgressStyle style_;
  Terminal& terminal_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::vector<std::unique_ptr<ProgressBar>> bars_;
  WholeProgress whole_;
  ProgressBar::Clock::time_point start_ = ProgressBar::Clock::now();
  std::thread thread_;
};

/// `1:02:03`, `2:03` or `3.4 s`.
std::string format_duration(double seconds);

/// One bar as text, at most `columns` wide.
std::string format_bar(const ProgressBar::State& state, int columns);

}  // namespace cq
