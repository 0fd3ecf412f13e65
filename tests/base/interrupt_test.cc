#include "cq/base/interrupt.h"

#include <csignal>

#include <gtest/gtest.h>

namespace cq {
namespace {

class InterruptTest : public ::testing::Test {
 protected:
  void TearDown() override { set_interrupt_signal(0); }
};

TEST_F(InterruptTest, SignalsBecomeAnExceptionWithTheExitCode) {
  install_interrupt_handlers();
  EXPECT_NO_THROW(throw_if_interrupted());
  for (const auto& [number, code] : {std::pair{SIGINT, 130}, {SIGTERM, 143}, {SIGUSR2, 140}}) {
    std::raise(number);
    EXPECT_EQ(interrupt_signal(), number);
    try {
      throw_if_interrupted();
      FAIL();
    } catch (const Interrupted& interrupt) {
      EXPECT_EQ(interrupt.exit_code(), code);
    }
    set_interrupt_signal(0);
  }
}

TEST_F(InterruptTest, TheSecondSigtermEndsTheProgram) {
  EXPECT_EXIT(
      {
        install_interrupt_handlers();
        std::raise(SIGTERM);
        std::raise(SIGTERM);
      },
      ::testing::KilledBySignal(SIGTERM), "");
}

TEST_F(InterruptTest, SleepEndsEarly) {
  EXPECT_TRUE(sleep_unless_interrupted(0.01));
  set_interrupt_signal(SIGINT);
  EXPECT_FALSE(sleep_unless_interrupted(1000));
}

}  // namespace
}  // namespace cq
