#include "cq/experiments/commands/collect.h"

#include <algorithm>

#include <fmt/format.h>

#include "cq/experiments/commands/experiment_run.h"
#include "cq/experiments/harness/status.h"
#include "cq/experiments/launchers/launch.h"

namespace cq {

namespace {

/// Cells of the launch that only need publishing.
std::vector<size_t> complete_cells(Plan& plan) {
  const Store store(plan.layout().store());
  const auto state = plan.look(store);
  std::vector<size_t> cells;
  for (const size_t index : state.pending) {
    const auto& finals = plan.cells()[index].finals;
    if (std::all_of(finals.begin(), finals.end(), [&](const auto& final) {
          return store.complete(plan.graph().at(final.second).name);
        })) {
      cells.push_back(index);
    }
  }
  return cells;
}

size_t publish_complete(const std::shared_ptr<const Launch>& launch,
                        const CollectOptions& options) {
  if (launch->cells() == 0) return 0;
  const auto bench = std::make_shared<Workbench>();
  Plan all = plan_experiment(std::make_shared<FrozenJobs>(launch), bench);
  const auto cells = complete_cells(all);
  if (cells.empty()) return 0;
  Plan plan = plan_experiment(std::make_shared<FrozenJobs>(launch, cells), bench);
  auto how = runner_options(options.common, {}, *bench);
  how.whole = false;
  const auto summary = Runner(plan, how).run();
  fmt::print(stderr, "{}", summary.text());
  return summary.done_now;
}

}  // namespace

int collect_command(const CollectOptions& options) {
  read_status(options.results);  // refuses a folder that holds no experiment
  size_t collected = 0;
  if (auto launch = Launch::newest(options.results)) {
    collected = publish_complete(std::make_shared<const Launch>(std::move(*launch)), options);
  }
  const auto status = read_status(options.results);
  if (status.done > 0) report_results(options.results, !options.common.json);
  if (options.common.json) {
    auto json = to_json(status);
    json["collected"] = collected;
    fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print("{}", to_text(status));
  }
  return status.done == status.cells ? 0 : 1;
}

}  // namespace cq
