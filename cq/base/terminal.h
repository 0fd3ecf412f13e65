#pragma once
// Standard error shared by the log and the progress bars: lines scroll above, live bars stay below.
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace cq {

class Terminal {
 public:
  /// `interactive` allows live lines (cursor movement); otherwise they are ignored.
  Terminal(std::FILE* out, bool interactive) : out_(out), interactive_(interactive) {}

  static Terminal& standard_error();

  bool interactive() const { return interactive_; }
  /// Columns of the window, 80 where the system does not tell.
  int columns() const;

  /// Prints one line (without its newline) above the live lines. Thread safe.
  void print(std::string_view line);

  /// Replaces the live lines at the bottom; an empty list removes them. Thread safe.
  void show_live(std::vector<std::string> lines);

 private:
  void erase_live(std::string& out) const;
  void write(const std::string& text);

  std::FILE* out_;
  bool interactive_;
  std::mutex mutex_;
  std::vector<std::string> live_;
};

}  // namespace cq
