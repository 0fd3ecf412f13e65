#include "cq/experiments/commands/common_context.h"

#include <gtest/gtest.h>
#include <sched.h>

namespace cq {
namespace {

class MakeContext : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(sched_getaffinity(0, sizeof(before_), &before_), 0); }
  void TearDown() override {
    sched_setaffinity(0, sizeof(before_), &before_);
    at::set_num_threads(threads_);
  }
  void hold_to_one_processor() {
    int first = 0;
    while (!CPU_ISSET(first, &before_)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  }
  int64_t threads(int64_t asked) {
    CommonOptions options;
    options.device = "cpu";
    options.threads = asked;
    const auto context = make_context(options);
    EXPECT_EQ(context.threads, at::get_num_threads());
    return context.threads;
  }
  cpu_set_t before_;
  const int threads_ = at::get_num_threads();
};

TEST_F(MakeContext, AThreadAProcessorThatMayBeUsed) {
  EXPECT_EQ(threads(0), CPU_COUNT(&before_));
  hold_to_one_processor();
  EXPECT_EQ(threads(0), 1);
}

TEST_F(MakeContext, AsManyThreadsAsAskedFor) {
  hold_to_one_processor();
  EXPECT_EQ(threads(3), 3);
}

}  // namespace
}  // namespace cq
