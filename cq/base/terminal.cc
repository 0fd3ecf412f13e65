#include "cq/base/terminal.h"

#include <cstdlib>
#include <string_view>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace cq {

Terminal& Terminal::standard_error() {
  static Terminal terminal(stderr, [] {
    const char* term = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
  }());
  return terminal;
}

int Terminal::columns() const {
  winsize size{};
  if (::ioctl(::fileno(out_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

void Terminal::print(std::string_view line) {
  const std::lock_guard lock(mutex_);
  std::string out;
  erase_live(out);
  out.append(line).append("\n");
  for (const auto& live : live_) out.append(live).append("\n");
  write(out);
}

void Terminal::show_live(std::vector<std::string> lines) {
  if (!interactive_) return;
  const std::lock_guard lock(mutex_);
  if (lines == live_) return;
  std::string out;
  erase_live(out);
  for (const auto& line : lines) out.append(line).append("\n");
  live_ = std::move(lines);
  write(out);
}

void Terminal::erase_live(std::string& out) const {
  if (!live_.empty()) out += fmt::format("\x1b[{}A\x1b[J", live_.size());
}

void Terminal::write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fflush(out_);
}

}  // namespace cq
