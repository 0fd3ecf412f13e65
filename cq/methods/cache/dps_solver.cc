#include "cq/methods/cache/dps_solver.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "cq/base/error.h"
#include "cq/methods/cache/uniform_schedule.h"

namespace cq {
namespace {

std::string origin(const DpsBounds& bounds) {
  if (!bounds.bounded) return "no bounds";
  if (bounds.min_group && bounds.max_group) return "bounds given by the user";
  if (bounds.min_group) return "lower bound given by the user";
  if (bounds.max_group) return "upper bound given by the user";
  return "default bounds ceil(N/2)..2N";
}

// best[i]: the least cost of cutting steps [i, T) into the groups that are left to place.
class Solver {
 public:
  Solver(const CostTable& costs, int64_t groups, GroupLengths lengths)
      : cost_(costs), steps_(costs.steps()), groups_(groups), lengths_(lengths) {}

  Schedule solve() {
    best_.assign(static_cast<size_t>(steps_ + 1), std::numeric_limits<double>::infinity());
    best_.back() = 0;
    end_.resize(static_cast<size_t>(groups_));
    for (int64_t left = 1; left <= groups_; ++left) place_group(left);
    Schedule schedule{steps_, {}};
    for (int64_t left = groups_, start = 0; left > 0; --left) {
      schedule.recompute.push_back(start);
      start = end_[static_cast<size_t>(left - 1)][static_cast<size_t>(start)];
    }
    return schedule;
  }

 private:
  // From the best cuts of [j, T) into left-1 groups to those of [i, T) into left groups.
  void place_group(int64_t left) {
    std::vector<double> next(best_.size(), std::numeric_limits<double>::infinity());
    std::vector<int32_t>& end = end_[static_cast<size_t>(left - 1)];
    end.assign(best_.size(), -1);
    const auto [first, last] = starts(left);
    const auto [first_cut, last_cut] = starts(left - 1);
    for (int64_t start = first; start <= last; ++start) {
      double& least = next[static_cast<size_t>(start)];
      int64_t chosen = -1;
      const int64_t until = std::min(start + lengths_.max, last_cut);
      for (int64_t cut = std::max(start + lengths_.min, first_cut); cut <= until; ++cut) {
        const double total = cost_(start, cut) + best_[static_cast<size_t>(cut)];
        if (chosen < 0 || total < least) {
          least = total;
          chosen = cut;
        }
      }
      end[static_cast<size_t>(start)] = static_cast<int32_t>(chosen);
    }
    best_ = std::move(next);
  }

  // The steps [first, last] from which exactly `left` groups reach the end, and to which the other
  // groups reach from step 0; for no group left that is T alone.
  std::pair<int64_t, int64_t> starts(int64_t left) const {
    const int64_t before = groups_ - left;
    return {std::max(before * lengths_.min, steps_ - left * lengths_.max),
            std::min(before * lengths_.max, steps_ - left * lengths_.min)};
  }

  GroupCosts cost_;
  int64_t steps_;
  int64_t groups_;
  GroupLengths lengths_;
  std::vector<double> best_;
  std::vector<std::vector<int32_t>> end_;  // [groups left - 1][start]
};

}  // namespace

GroupLengths dps_group_lengths(int64_t steps, int64_t interval, const DpsBounds& bounds) {
  const int64_t groups = group_count(steps, interval, "dps");
  if (!bounds.bounded) {
    if (bounds.min_group || bounds.max_group) {
      throw UsageError("[dps] bounds were given together with bounded=false; leave out one");
    }
    return {1, steps};
  }
  const int64_t min = bounds.min_group.value_or((interval + 1) / 2);
  const int64_t max = bounds.max_group.value_or(
      interval > std::numeric_limits<int64_t>::max() / 2 ? interval : 2 * interval);
  if (min < 1 || max < min) {
    throw UsageError(
        "[dps] expected group lengths min..max with 1 <= min <= max, got {}..{} (T={} steps, "
        "interval {}, {})",
        min, max, steps, interval, origin(bounds));
  }
  // Compared by division, so that no product overflows: K*min <= T <= K*max.
  if (min > steps / groups || (max < steps && (steps - 1) / max + 1 > groups)) {
    throw UsageError(
        "[dps] no partition of T={} steps into K={} groups of {}..{} steps (interval {}, {})",
        steps, groups, min, max, interval, origin(bounds));
  }
  return {min, std::min(max, steps)};
}

Schedule dps_schedule(const CostTable& costs, int64_t interval, const DpsBounds& bounds) {
  const int64_t groups = group_count(costs.steps(), interval, "dps");
  const GroupLengths lengths = dps_group_lengths(costs.steps(), interval, bounds);
  if (lengths.max > costs.width()) {
    throw UsageError(
        "[dps] groups of up to {} steps need distances between steps up to {} apart, but the table "
        "holds those up to {} apart (T={} steps, interval {})",
        lengths.max, lengths.max - 1, costs.width() - 1, costs.steps(), interval);
  }
  costs.validate("[dps] cost table");
  return Solver(costs, groups, lengths).solve();
}

}  // namespace cq
