#pragma once
// Signals as flags: long work asks at points where it can save what it has.
#include <exception>
#include <string>

namespace cq {

/// Thrown after a signal asked the program to stop. It is no cq::Error: nothing failed, and code
/// that records failures must let it pass.
class Interrupted : public std::exception {
 public:
  explicit Interrupted(int signal_number);
  const char* what() const noexcept override { return message_.c_str(); }
  int signal_number() const { return signal_number_; }
  /// 130 for SIGINT, 143 for SIGTERM, 140 for SIGUSR2 (preemption: run again to go on).
  int exit_code() const { return 128 + signal_number_; }

 private:
  int signal_number_;
  std::string message_;
};

/// SIGINT, SIGTERM and SIGUSR2 set a flag from now on. SIGINT or SIGTERM for the second time ends
/// the program at once, without saving.
void install_interrupt_handlers();

/// The signal that asked to stop, 0 when none did. Costs one relaxed load.
int interrupt_signal() noexcept;

/// Throws Interrupted when a signal asked to stop.
void throw_if_interrupted();

/// Sets or clears (0) the flag, for tests.
void set_interrupt_signal(int signal_number) noexcept;

/// Sleeps, but not beyond a signal. Returns whether no signal came.
bool sleep_unless_interrupted(double seconds);

}  // namespace cq
