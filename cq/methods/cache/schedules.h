#pragma once
// Schedules by name, for `cq-exp schedule`, `cq-exp list schedules` and the cache policies.
#include "cq/config/registry.h"
#include "cq/core/cost_table.h"
#include "cq/core/schedule.h"

namespace cq {

struct ScheduleRequest {
  int64_t steps = 0;
  int64_t interval = 0;
  const CostTable* costs = nullptr;  ///< steps x steps; null where none is known
};

/// Makes a schedule from steps, interval and, for some, the costs of reuse.
class ScheduleMethod {
 public:
  virtual ~ScheduleMethod() = default;
  /// Throws UsageError for a request that cannot be met.
  virtual Schedule make(const ScheduleRequest& request) const = 0;
};

using ScheduleRegistry = config::Registry<ScheduleMethod>;
/// uniform, dps, deepcache-quad, ldm-quad.
ScheduleRegistry schedule_registry();

}  // namespace cq
