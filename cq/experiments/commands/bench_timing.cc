#include "cq/experiments/commands/bench_timing.h"

#include <algorithm>
#include <chrono>

#include "cq/base/interrupt.h"

namespace cq {

namespace {

double seconds_of(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Timing timing_of(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const size_t middle = seconds.size() / 2;
  const double median =
      seconds.size() % 2 == 1 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
  return {seconds.front(), median, seconds.back()};
}

}  // namespace

std::vector<Timing> time_in_turns(const std::vector<std::function<void()>>& runs, int64_t rounds) {
  for (const auto& run : runs) run();
  std::vector<std::vector<double>> seconds(runs.size());
  for (int64_t round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < runs.size(); ++i) {
      throw_if_interrupted();
      seconds[i].push_back(seconds_of(runs[i]));
    }
  }
  std::vector<Timing> timings;
  timings.reserve(runs.size());
  for (auto& of_run : seconds) timings.push_back(timing_of(std::move(of_run)));
  return timings;
}

}  // namespace cq
