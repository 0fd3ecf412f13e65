#include "cq/base/progress.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace cq {
namespace {

using Clock = ProgressBar::Clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string format_rate(double rate) {
  return rate >= 10 ? fmt::format("{:.0f}", rate) : fmt::format("{:.2g}", rate);
}

std::string counts(const ProgressBar::State& state) {
  std::string text = state.total > 0 ? fmt::format("{}/{}", state.done, state.total)
                                     : fmt::format("{}", state.done);
  if (!state.unit.empty()) text += " " + state.unit;
  if (state.rate > 0) text += fmt::format(", {}/s", format_rate(state.rate));
  return text;
}

/// Cuts at a character, never inside one (labels may hold UTF-8).
std::string cut(std::string text, size_t width) {
  if (text.size() <= width) return text;
  while (width > 0 && (static_cast<unsigned char>(text[width]) & 0xC0) == 0x80) --width;
  text.resize(width);
  return text;
}

}  // namespace

std::string format_duration(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string format_bar(const ProgressBar::State& state, int columns) {
  std::string tail;
  if (state.done > 0 || state.total > 0) tail += "  " + counts(state);
  tail += "  " + format_duration(state.seconds);
  if (state.eta_seconds) tail += fmt::format(", {} left", format_duration(*state.eta_seconds));
  if (state.total <= 0) return cut(state.label + tail, static_cast<size_t>(columns));
  const double fraction =
      std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0);
  const auto filled = static_cast<size_t>(20 * fraction);
  const std::string bar = std::string(filled, '#') + std::string(20 - filled, '.');
  return cut(fmt::format("{} [{}] {:3.0f}%{}", state.label, bar, 100 * fraction, tail),
             static_cast<size_t>(columns));
}

void ProgressBar::expect(int64_t total, std::string unit, int64_t already) {
  const std::lock_guard lock(mutex_);
  total_ = total;
  unit_ = std::move(unit);
  already_ = already;
  set(already);
}

ProgressBar::State ProgressBar::state() const {
  const std::lock_guard lock(mutex_);
  State state{label_, unit_, done_.load(std::memory_order_relaxed), total_, 0, 0, {}};
  state.seconds = seconds_since(start_);
  const auto fresh = static_cast<double>(state.done - already_);
  if (fresh > 0 && state.seconds > 0) state.rate = fresh / state.seconds;
  if (state.rate > 0 && state.total > 0) {
    state.eta_seconds =
        static_cast<double>(std::max<int64_t>(0, state.total - state.done)) / state.rate;
  }
  return state;
}

Progress::Progress(ProgressStyle style, Terminal& terminal) : style_(style), terminal_(terminal) {
  if (style_ == ProgressStyle::automatic) {
    style_ = terminal_.interactive() ? ProgressStyle::bars : ProgressStyle::lines;
  }
  if (style_ != ProgressStyle::quiet) thread_ = std::thread([this] { loop(); });
}

Progress::~Progress() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  terminal_.show_live({});
}

std::shared_ptr<ProgressBar> Progress::start(std::string label, int64_t total, std::string unit) {
  auto bar = std::make_unique<ProgressBar>(std::move(label), total, std::move(unit));
  ProgressBar* const raw = bar.get();
  const std::lock_guard lock(mutex_);
  bars_.push_back(std::move(bar));
  if (style_ == ProgressStyle::json) print_json("start", raw->state());
  return {raw, [this](ProgressBar* ended) { finish(ended); }};
}

void Progress::finish(ProgressBar* bar) {
  const std::lock_guard lock(mutex_);
  const auto state = bar->state();
  if (style_ == ProgressStyle::json) print_json("end", state);
  if (style_ == ProgressStyle::lines && state.seconds >= 2) {
    terminal_.print(fmt::format("{}: {} in {}", state.label,
                                state.done > 0 ? counts(state) : "finished",
                                format_duration(state.seconds)));
  }
  std::erase_if(bars_, [&](const auto& other) { return other.get() == bar; });
}

void Progress::set_whole(WholeProgress whole) {
  const std::lock_guard lock(mutex_);
  whole_ = std::move(whole);
}

void Progress::loop() {
  const auto interval = std::chrono::milliseconds(style_ == ProgressStyle::bars ? 100 : 250);
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, interval, [this] { return stop_; })) render();
}

void Progress::render() {
  if (style_ == ProgressStyle::bars) return render_bars();
  for (const auto& bar : bars_) render_lines(*bar);
}

void Progress::render_bars() {
  std::vector<std::string> lines;
  const int columns = terminal_.columns() - 1;
  for (const auto& bar : bars_) lines.push_back(format_bar(bar->state(), columns));
  if (whole_.total > 0) {
    ProgressBar::State state{whole_.label,          whole_.unit, whole_.done, whole_.total,
                             seconds_since(start_), 0,           whole_eta()};
    lines.push_back(format_bar(state, columns));
  }
  terminal_.show_live(std::move(lines));
}

void Progress::render_lines(ProgressBar& bar) {
  const auto state = bar.state();
  if (style_ == ProgressStyle::json) {
    if (state.done == bar.last_reported_) return;
    bar.last_reported_ = state.done;
    return print_json("progress", state);
  }
  if (state.seconds < bar.next_line_seconds_) return;
  bar.next_line_seconds_ = state.seconds + std::clamp(state.seconds, 5.0, 60.0);
  std::string line =
      fmt::format("{}: {}, {}", state.label, counts(state), format_duration(state.seconds));
  if (state.eta_seconds) line += fmt::format(", {} left", format_duration(*state.eta_seconds));
  if (whole_.total > 0) {
    line += fmt::format(" | {} {}/{} {}", whole_.label, whole_.done, whole_.total, whole_.unit);
    if (const auto eta = whole_eta()) line += fmt::format(", {} left", format_duration(*eta));
  }
  terminal_.print(line);
}

std::optional<double> Progress::whole_eta() const {
  if (!whole_.remaining_seconds) return std::nullopt;
  double total = *whole_.remaining_seconds;
  for (const auto& bar : bars_) total += bar->state().eta_seconds.value_or(0);
  return total;
}

void Progress::print_json(const char* event, const ProgressBar::State& state) {
  nlohmann::ordered_json line{{"event", event},     {"stage", state.label},
                              {"done", state.done}, {"total", state.total},
                              {"unit", state.unit}, {"seconds", state.seconds}};
  if (state.eta_seconds) line["eta_seconds"] = *state.eta_seconds;
  if (whole_.total > 0) {
    line["whole"] = {{"done", whole_.done}, {"total", whole_.total}, {"unit", whole_.unit}};
    if (const auto eta = whole_eta()) line["whole"]["eta_seconds"] = *eta;
  }
  terminal_.print(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace cq
