#include "cq/core/parallel.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace cq {
namespace {

class ParallelFor : public testing::Test {
 protected:
  ~ParallelFor() override { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

// Compiled without OpenMP, ATen's loop does the same work on one thread.
TEST_F(ParallelFor, RunsOnAllThreads) {
  at::set_num_threads(2);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  const auto seen = [&] {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
    return threads.size();
  };
  // Nobody is done before both have come.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  parallel_for(0, 1000, 1, [&](int64_t, int64_t) {
    while (seen() < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  });
  EXPECT_EQ(threads.size(), 2U);
}

TEST_F(ParallelFor, DoesEverythingOnceHoweverUnevenly) {
  for (const int threads : {1, 2, 5}) {
    at::set_num_threads(threads);
    for (const int64_t count : {0, 1, 3, 64, 1000}) {
      for (const int64_t grain : {1, 7, 2000}) {
        std::vector<std::atomic<int>> done(size_t(count) + 10);
        parallel_for(10, 10 + count, grain, [&](int64_t first, int64_t last) {
          ASSERT_LT(first, last);
          for (int64_t i = first; i < last; ++i) ++done[size_t(i)];
          if (first == 10) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        });
        for (size_t i = 0; i < done.size(); ++i) {
          EXPECT_EQ(done[i], i < 10 ? 0 : 1) << i << " of " << count << ", grain " << grain;
        }
      }
    }
  }
}

// The first thread holds its first part until all the rest is done, which others must have taken.
TEST_F(ParallelFor, OthersTakeWhatASlowThreadHasLeft) {
  at::set_num_threads(2);
  constexpr int64_t kCount = 64;
  std::atomic<int64_t> rest{0};
  bool held = false;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  parallel_for(0, kCount, 1, [&](int64_t first, int64_t last) {
    if (first > 0) {
      rest += last - first;
      return;
    }
    while (rest < kCount - last && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    held = rest == kCount - last;
  });
  EXPECT_TRUE(held);
}

TEST_F(ParallelFor, ErrorsReachTheCaller) {
  at::set_num_threads(2);
  EXPECT_THROW(parallel_for(0, 100, 1,
                            [](int64_t first, int64_t last) {
                              if (first <= 50 && last > 50) throw std::runtime_error("at 50");
                            }),
               std::runtime_error);
}

}  // namespace
}  // namespace cq
