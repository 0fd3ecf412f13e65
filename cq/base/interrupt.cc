#include "cq/base/interrupt.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "cq/base/error.h"

namespace cq {
namespace {

std::atomic<int> pending{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may not lock");

void on_signal(int signal_number) {
  pending.store(signal_number, std::memory_order_relaxed);
}

const char* name_of(int signal_number) {
  switch (signal_number) {
    case SIGINT:
      return "SIGINT";
    case SIGTERM:
      return "SIGTERM";
    case SIGUSR2:
      return "SIGUSR2 (preemption)";
    default:
      return "a signal";
  }
}

}  // namespace

Interrupted::Interrupted(int signal_number)
    : signal_number_(signal_number),
      message_(fmt::format("interrupted by {}; run again to go on", name_of(signal_number))) {}

void install_interrupt_handlers() {
  for (const int signal_number : {SIGINT, SIGTERM, SIGUSR2}) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    if (signal_number != SIGUSR2) action.sa_flags |= static_cast<int>(SA_RESETHAND);
    if (sigaction(signal_number, &action, nullptr) != 0) {
      throw RunError("cannot install a handler for {}", name_of(signal_number));
    }
  }
}

int interrupt_signal() noexcept {
  return pending.load(std::memory_order_relaxed);
}

void throw_if_interrupted() {
  if (const int signal_number = interrupt_signal()) throw Interrupted(signal_number);
}

void set_interrupt_signal(int signal_number) noexcept {
  pending.store(signal_number);
}

bool sleep_unless_interrupted(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (interrupt_signal() == 0) {
    const auto left = end - Clock::now();
    if (left <= left.zero()) return true;
    std::this_thread::sleep_for(
        std::min<std::chrono::duration<double>>(left, std::chrono::milliseconds(50)));
  }
  return false;
}

}  // namespace cq
