#pragma once
// Which denoising steps compute the cached feature and which reuse it, as plain data: every caching
// method produces one, and the pipeline, the counters and the reports read nothing else.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace cq {

/// Steps are indices into the sampler's sequence, 0 is the first and noisiest one.
struct Schedule {
  int64_t steps = 0;
  std::vector<int64_t> recompute;  ///< ascending, the first is 0

  /// Half-open ranges [start, end); all steps of one use the feature computed at its start.
  std::vector<std::pair<int64_t, int64_t>> groups() const;
  bool recomputes(int64_t step) const;
  /// The step whose feature `step` uses: the last recomputed one up to and including `step`.
  int64_t group_start(int64_t step) const;
  /// Throws UsageError, beginning with `[who]`, unless `recompute` starts at 0, ascends strictly
  /// and stays below `steps`.
  void validate(const std::string& who = "schedule") const;

  bool operator==(const Schedule&) const = default;
};

/// {"steps": T, "recompute": [...], "groups": [[start, end], ...]}
nlohmann::ordered_json to_json(const Schedule& schedule);
/// Reads what `to_json` writes; `groups` may be absent, and is an error if it contradicts
/// `recompute`. Throws RunError naming `where`.
Schedule schedule_from_json(const nlohmann::ordered_json& json, const std::string& where);

}  // namespace cq
