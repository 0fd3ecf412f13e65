#include "cq/core/schedule.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"

namespace cq {

std::vector<std::pair<int64_t, int64_t>> Schedule::groups() const {
  std::vector<std::pair<int64_t, int64_t>> result;
  result.reserve(recompute.size());
  for (size_t g = 0; g < recompute.size(); ++g) {
    result.emplace_back(recompute[g], g + 1 < recompute.size() ? recompute[g + 1] : steps);
  }
  return result;
}

bool Schedule::recomputes(int64_t step) const {
  return std::binary_search(recompute.begin(), recompute.end(), step);
}

int64_t Schedule::group_start(int64_t step) const {
  if (step < 0 || step >= steps) {
    throw UsageError("[schedule] step {} of a schedule with {} steps (0..{})", step, steps,
                     steps - 1);
  }
  return *std::prev(std::upper_bound(recompute.begin(), recompute.end(), step));
}

void Schedule::validate(const std::string& who) const {
  if (steps < 1) throw UsageError("[{}] a schedule needs at least 1 step, got {}", who, steps);
  if (recompute.empty() || recompute.front() != 0) {
    throw UsageError("[{}] step 0 must be recomputed (nothing to reuse before it), got [{}]", who,
                     fmt::join(recompute, ", "));
  }
  for (size_t g = 1; g < recompute.size(); ++g) {
    if (recompute[g] <= recompute[g - 1]) {
      throw UsageError("[{}] recomputed steps must ascend, but step {} follows step {}", who,
                       recompute[g], recompute[g - 1]);
    }
  }
  if (recompute.back() >= steps) {
    throw UsageError("[{}] recomputed step {} is not one of the {} steps (0..{})", who,
                     recompute.back(), steps, steps - 1);
  }
}

nlohmann::ordered_json to_json(const Schedule& schedule) {
  return {
      {"steps", schedule.steps}, {"recompute", schedule.recompute}, {"groups", schedule.groups()}};
}

Schedule schedule_from_json(const nlohmann::ordered_json& json, const std::string& where) {
  Schedule schedule;
  try {
    schedule.steps = json.at("steps").get<int64_t>();
    schedule.recompute = json.at("recompute").get<std::vector<int64_t>>();
    schedule.validate(where);
    if (json.contains("groups") &&
        json.at("groups").get<std::vector<std::pair<int64_t, int64_t>>>() != schedule.groups()) {
      throw RunError("{}: \"groups\" contradicts \"recompute\"", where);
    }
  } catch (const nlohmann::json::exception& error) {
    throw RunError("{}: expected {{\"steps\": T, \"recompute\": [...]}}: {}", where, error.what());
  } catch (const UsageError& error) {
    throw RunError("{}", error.what());
  }
  return schedule;
}

}  // namespace cq
