#include "cq/experiments/harness/plan_file.h"

#include "cq/base/error.h"
#include "cq/base/json.h"

namespace cq {
namespace fs = std::filesystem;

PlanFile read_plan(const fs::path& experiment) {
  const fs::path path = experiment / "plan.json";
  if (!fs::exists(path)) {
    throw UsageError("{} is no results folder of an experiment: it has no plan.json",
                     experiment.string());
  }
  const auto json = read_json(path);
  try {
    PlanFile plan;
    plan.name = json.at("name");
    for (const auto& cell : json.at("cells")) {
      PlanFile::CellEntry entry{cell.at("name"), cell.at("key"), {}};
      for (const auto& [name, id] : cell.at("stages").items()) entry.stages.push_back(id);
      plan.cells.push_back(std::move(entry));
    }
    for (const auto& stage : json.at("stages")) {
      auto& inputs = plan.stages[stage.at("id")];
      for (const auto& [name, id] : stage.at("inputs").items()) inputs.push_back(id);
    }
    return plan;
  } catch (const nlohmann::json::exception& error) {
    throw RunError("{} is damaged ({}); run the experiment again with --dry-run to see its plan",
                   path.string(), error.what());
  }
}

StageName parse_stage_id(const std::string& id) {
  const size_t slash = id.find('/');
  if (slash == std::string::npos) throw RunError("'{}' is no stage: expected <kind>/<key>", id);
  return {id.substr(0, slash), id.substr(slash + 1)};
}

}  // namespace cq
