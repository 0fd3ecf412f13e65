#pragma once
// Where the tasks of a launch stand: from their markers first, from the queue where those cannot
// tell.
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cq/experiments/launchers/launch.h"

namespace cq {

struct LaunchStatus {
  struct Task {
    size_t index = 0;
    std::string job;  ///< <id>_<index> of the batch system, or empty
    /// pending, starting, running, requeued, done, failed, stopped, or lost: begun or submitted,
    /// not finished, and the batch system knows nothing of it.
    std::string state;
    TaskMarker marker;
  };
  std::string launcher;
  std::string number;
  std::vector<std::string> jobs;
  std::vector<Task> tasks;
  std::string collect_job;
  std::string collect_state;  ///< as squeue says, or empty
  /// The queue could not be asked: states are the markers' alone.
  bool queue_unknown = false;

  std::map<std::string, size_t> counts() const;
  /// Whether anything of it may still happen.
  bool at_work() const;
};

LaunchStatus read_launch_status(const Launch& launch);

std::string to_text(const LaunchStatus& status);
nlohmann::ordered_json to_json(const LaunchStatus& status);

}  // namespace cq
