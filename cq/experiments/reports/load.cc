#include <algorithm>
#include <set>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/json.h"
#include "cq/experiments/reports/fields.h"
#include "cq/experiments/reports/results.h"

namespace cq::reports {
namespace {

namespace fs = std::filesystem;

/// Cell names in the plan's order, then those that only have a folder (an older, wider sweep).
std::vector<std::string> cell_names(const fs::path& folder) {
  std::vector<std::string> names;
  if (const fs::path plan = folder / "plan.json"; fs::exists(plan)) {
    const Json json = read_json(plan);
    const Json* cells = Fields(json, plan.string()).find("cells");
    if (!cells || !cells->is_array()) Fields(json, plan.string()).refuse("cells", "a list");
    for (const Json& cell : *cells) {
      const auto name = Fields(cell, plan.string() + ", cells").text("name");
      if (!name) throw RunError("[report] {}: a cell without `name`", plan.string());
      names.push_back(*name);
    }
  }
  std::set<std::string> planned(names.begin(), names.end()), others;
  if (fs::is_directory(folder / "cells"))
    for (const auto& entry : fs::directory_iterator(folder / "cells"))
      if (entry.is_directory() && fs::exists(entry.path() / "config.json"))
        others.insert(entry.path().filename().string());
  for (const std::string& name : others)
    if (!planned.contains(name)) names.push_back(name);
  return names;
}

/// error.json is left by the harness where a stage of the cell failed, and goes once it is done.
std::string failure_reason(const fs::path& file) {
  const Json json = read_json(file);
  const Fields fields(json, file.string());
  const std::string stage = fields.text("stage").value_or("");
  const std::string message = fields.text("error").value_or("no message");
  return stage.empty() ? "failed: " + message : "failed in " + stage + ": " + message;
}

Cell load_cell(const fs::path& folder, const std::string& name) {
  Cell cell;
  cell.name = name;
  const auto read = [&](const char* file, auto parse) {
    const fs::path path = folder / file;
    if (!fs::exists(path)) return false;
    parse(read_json(path), path.string(), cell);
    return true;
  };
  read("config.json", parse_config);
  if (const fs::path error = folder / "error.json"; fs::exists(error)) {
    // Results beside it are of an earlier config.
    cell.missing = failure_reason(error);
    return cell;
  }
  if (!read("metrics.json", parse_metrics)) cell.missing = "not computed yet";
  read("efficiency.json", parse_efficiency);
  read("schedule.json", parse_schedule);
  if (fs::exists(folder / "grid.png")) cell.grid = folder / "grid.png";
  return cell;
}

}  // namespace

Experiment load_experiment(const fs::path& folder) {
  if (!fs::is_directory(folder))
    throw UsageError(
        "[report] {}: no such folder; give the folder of an experiment, "
        "results/<name>",
        folder.string());
  Experiment experiment;
  experiment.folder = folder;
  const fs::path whole = fs::weakly_canonical(folder);
  experiment.name =
      whole.has_filename() ? whole.filename().string() : whole.parent_path().filename().string();
  for (const std::string& name : cell_names(folder)) {
    const fs::path cell = folder / "cells" / name;
    if (fs::exists(cell / "config.json"))
      experiment.cells.push_back(load_cell(cell, name));
    else
      experiment.not_started.push_back(name);
  }
  if (experiment.cells.empty())
    throw UsageError(
        "[report] {}: no cells with a config.json in it; run the experiment first "
        "(`cq-exp run CONFIG.yaml`)",
        folder.string());
  if (fs::exists(folder / "config.yaml"))
    experiment.config_yaml = read_text(folder / "config.yaml");
  if (fs::exists(folder / "provenance.json"))
    experiment.provenance = read_json(folder / "provenance.json");
  return experiment;
}

}  // namespace cq::reports
