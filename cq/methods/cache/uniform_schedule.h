#pragma once
#include "cq/core/schedule.h"

namespace cq {

/// K = ceil(T / N), the number of recomputed steps. Throws UsageError, beginning with `[who]`,
/// unless T >= 1 and N >= 1.
int64_t group_count(int64_t steps, int64_t interval, const std::string& who);

/// Recomputes steps 0, N, 2N, ...
Schedule uniform_schedule(int64_t steps, int64_t interval);

}  // namespace cq
