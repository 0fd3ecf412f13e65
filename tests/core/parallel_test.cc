#include "cq/core/parallel.h"

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace cq {
namespace {

// Compiled without OpenMP, ATen's loop does the same work on one thread.
TEST(ParallelFor, RunsOnAllThreadsAndDoesEverythingOnce) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::vector<std::atomic<int>> done(1000);
  parallel_for(0, 1000, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) ++done[size_t(i)];
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  at::set_num_threads(before);
  EXPECT_EQ(threads.size(), 2U);
  for (const auto& times : done) EXPECT_EQ(times, 1);
}

}  // namespace
}  // namespace cq
