#include "cq/experiments/harness/status.h"

#include <fmt/format.h>

#include "cq/experiments/harness/cell.h"
#include "cq/experiments/harness/claim.h"
#include "cq/experiments/harness/plan_file.h"

namespace cq {
namespace fs = std::filesystem;
namespace {

void add_work(ExperimentStatus& status, const std::string& what, const fs::path& open_folder) {
  const auto claim = read_claim(open_folder);
  if (!claim || !claim->held) return;
  const bool gone = claim->holder() == ClaimInfo::Holder::gone;
  status.running.push_back({what, claim->host, claim->pid, gone});
}

}  // namespace

ExperimentStatus read_status(const fs::path& experiment) {
  const PlanFile plan = read_plan(experiment);
  const fs::path store = fs::weakly_canonical(experiment).parent_path() / ".store";
  ExperimentStatus status;
  status.name = plan.name;
  status.cells = plan.cells.size();
  for (const auto& cell : plan.cells) {
    const fs::path folder = experiment / "cells" / cell.name;
    const auto published = read_published(folder);
    if (published && published->key == cell.key) {
      ++status.done;
    } else if (auto failure = read_cell_error(folder)) {
      status.failed.push_back({cell.name, *failure});
    } else {
      status.waiting.push_back(cell.name);
    }
    add_work(status, cell.name, experiment / "cells" / ("." + cell.name + ".open"));
  }
  for (const auto& [id, inputs] : plan.stages) {
    const StageName name = parse_stage_id(id);
    auto& kind = status.kinds[name.kind];
    ++kind.all;
    if (fs::exists(store / name.kind / name.key / "stage.json")) ++kind.complete;
    add_work(status, name.brief(), store / name.kind / (name.key + ".open"));
  }
  return status;
}

std::string to_text(const ExperimentStatus& status) {
  std::string text =
      fmt::format("{}: {} of {} cells done, {} failed, {} waiting\n", status.name, status.done,
                  status.cells, status.failed.size(), status.waiting.size());
  for (const auto& [kind, count] : status.kinds) {
    text += fmt::format("  {:<24} {:>6} of {} stages stored\n", kind, count.complete, count.all);
  }
  for (const auto& work : status.running) {
    text += fmt::format("running: {} on {} (process {}){}\n", work.what, work.host, work.pid,
                        work.gone ? ", which is gone; the next run takes over" : "");
  }
  for (const auto& [cell, failure] : status.failed) {
    text += fmt::format("failed: {} in {}: {}\n", cell, failure.stage, failure.error);
  }
  return text;
}

nlohmann::ordered_json to_json(const ExperimentStatus& status) {
  nlohmann::ordered_json json{{"name", status.name},
                              {"cells", status.cells},
                              {"done", status.done},
                              {"waiting", status.waiting},
                              {"failed", nlohmann::ordered_json::array()},
                              {"running", nlohmann::ordered_json::array()},
                              {"stages", nlohmann::ordered_json::object()}};
  for (const auto& [cell, failure] : status.failed) {
    json["failed"].push_back({{"cell", cell},
                              {"stage", failure.stage},
                              {"error", failure.error},
                              {"log", failure.log_tail}});
  }
  for (const auto& work : status.running) {
    json["running"].push_back(
        {{"what", work.what}, {"host", work.host}, {"pid", work.pid}, {"gone", work.gone}});
  }
  for (const auto& [kind, count] : status.kinds) {
    json["stages"][kind] = {{"all", count.all}, {"complete", count.complete}};
  }
  return json;
}

}  // namespace cq
