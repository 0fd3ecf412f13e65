#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cq {

struct ScheduleOptions {
  std::string method;  ///< a name of schedule_registry()
  int64_t steps = 0;
  int64_t interval = 0;
  std::optional<std::filesystem::path>
      cost;  ///< .npy of T x T, C[i][t]: step i's feature at step t
  std::optional<int64_t> min_group;
  std::optional<int64_t> max_group;
  std::vector<std::string> params;  ///< "key=value", the method's own parameters
  bool json = false;
};

/// `cq-exp schedule --method NAME --steps T --interval N [--cost C.npy] [--min-group A --max-group
/// B] [k=v...] [--json]`: prints `recompute`, `groups` and, where costs are given, `cost`. Returns
/// the exit code; throws UsageError or RunError before anything is printed.
int schedule_command(const ScheduleOptions& options);

/// What the command prints, for a method, its groups and perhaps a cost.
std::string schedule_report(const ScheduleOptions& options);

}  // namespace cq
