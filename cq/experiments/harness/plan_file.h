#pragma once
// plan.json as `status` and `clean` read it: without the components that made the plan.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cq/experiments/harness/store.h"

namespace cq {

struct PlanFile {
  struct CellEntry {
    std::string name;
    std::string key;
    std::vector<std::string> stages;  // ids `<kind>/<key>`
  };
  std::string name;
  std::vector<CellEntry> cells;
  /// Inputs of each stage, by id.
  std::map<std::string, std::vector<std::string>> stages;
};

/// Throws UsageError when `experiment` (results/<name>) holds no plan.json, RunError when it is
/// damaged.
PlanFile read_plan(const std::filesystem::path& experiment);

/// `<kind>/<key>` taken apart; throws RunError.
StageName parse_stage_id(const std::string& id);

}  // namespace cq
