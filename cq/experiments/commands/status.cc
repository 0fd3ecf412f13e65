#include "cq/experiments/commands/status.h"

#include <algorithm>
#include <iostream>

#include "cq/base/error.h"
#include "cq/base/interrupt.h"
#include "cq/experiments/harness/status.h"
#include "cq/experiments/launchers/launch_status.h"

namespace cq {

namespace {

struct Whole {
  ExperimentStatus experiment;
  std::optional<LaunchStatus> launch;

  bool at_work() const {
    const auto& running = experiment.running;
    return (launch && launch->at_work()) ||
           std::any_of(running.begin(), running.end(), [](const auto& w) { return !w.gone; });
  }
  std::string text() const {
    return to_text(experiment) + (launch ? to_text(*launch) : std::string());
  }
};

Whole look(const std::filesystem::path& results) {
  Whole whole{read_status(results), {}};
  if (const auto launch = Launch::newest(results)) whole.launch = read_launch_status(*launch);
  return whole;
}

int follow(const std::filesystem::path& results) {
  std::string shown;
  for (double pause = 0.5;; pause = std::min(10.0, pause * 1.3)) {
    const auto whole = look(results);
    const auto& status = whole.experiment;
    if (const auto text = whole.text(); text != shown) {
      std::cout << text << std::flush;
      shown = text;
      pause = 0.5;
    }
    if (!whole.at_work()) return status.done == status.cells ? 0 : 1;
    if (!sleep_unless_interrupted(pause)) throw_if_interrupted();
  }
}

}  // namespace

int status_command(const StatusOptions& options) {
  if (options.follow && options.common.json) {
    throw UsageError("[status] --json is one document: ask again instead of --follow");
  }
  if (options.follow) return follow(options.results);
  const auto whole = look(options.results);
  if (options.common.json) {
    auto json = to_json(whole.experiment);
    json["at_work"] = whole.at_work();
    if (whole.launch) json["launch"] = to_json(*whole.launch);
    std::cout << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    std::cout << whole.text();
  }
  return 0;
}

}  // namespace cq
