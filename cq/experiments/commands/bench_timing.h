#pragma once
// Measuring: everything that is compared is timed in turns within one run, so that whatever else
// happens on the machine meets all alike.
#include <cstdint>
#include <functional>
#include <vector>

namespace cq {

/// Seconds of one run.
struct Timing {
  double min = 0, median = 0, max = 0;
};

/// Runs all once to warm up, then `rounds` times in turns. Result i is of runs[i].
std::vector<Timing> time_in_turns(const std::vector<std::function<void()>>& runs, int64_t rounds);

}  // namespace cq
