#pragma once
// Dynamic Programming Schedule of CacheQuant (CVPR 2025, arXiv 2503.01323): which steps to
// recompute so that the features reused in between are as close as possible to the true ones.
#include <optional>

#include "cq/core/cost_table.h"
#include "cq/core/schedule.h"

namespace cq {

struct DpsBounds {
  std::optional<int64_t> min_group;  ///< shortest group in steps; ceil(N/2) if absent
  std::optional<int64_t> max_group;  ///< longest group in steps, may exceed T; 2N if absent
  bool bounded = true;               ///< false: any length; contradicts the two above
};

/// Closed range of group lengths.
struct GroupLengths {
  int64_t min;
  int64_t max;  ///< at most T
};

/// The lengths that a partition of T steps into ceil(T/N) groups may use. Throws UsageError
/// `[dps] no partition of T=7 steps into K=2 groups of 5..6 steps (...)` where there is none.
GroupLengths dps_group_lengths(int64_t steps, int64_t interval, const DpsBounds& bounds);

/// The order-preserving partition of T steps into K = ceil(T/N) groups with the least sum of
/// C[i][t] over all groups [i, j) and their t. Of several such partitions the one whose list of
/// recomputed steps comes first in lexicographic order. O(T K L) time for groups of up to L steps.
/// Throws UsageError for bounds that no partition meets and for a table that is too narrow.
Schedule dps_schedule(const CostTable& costs, int64_t interval, const DpsBounds& bounds);

}  // namespace cq
