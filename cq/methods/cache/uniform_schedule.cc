#include "cq/methods/cache/uniform_schedule.h"

#include "cq/base/error.h"

namespace cq {

int64_t group_count(int64_t steps, int64_t interval, const std::string& who) {
  if (steps < 1) throw UsageError("[{}] expected at least 1 step, got T={}", who, steps);
  if (interval < 1) {
    throw UsageError("[{}] expected an interval of at least 1 step, got N={} (T={} steps)", who,
                     interval, steps);
  }
  return (steps - 1) / interval + 1;
}

Schedule uniform_schedule(int64_t steps, int64_t interval) {
  const int64_t groups = group_count(steps, interval, "uniform");
  Schedule schedule{steps, {}};
  for (int64_t g = 0; g < groups; ++g) schedule.recompute.push_back(g * interval);
  return schedule;
}

}  // namespace cq
