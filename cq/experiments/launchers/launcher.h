#pragma once
// Where the work of an experiment is done: in this process, in more of them, on a cluster.
#include <string>
#include <vector>

#include "cq/config/registry.h"
#include "cq/experiments/launchers/launch.h"

namespace cq {

class Launcher {
 public:
  virtual ~Launcher() = default;

  /// Throws UsageError where the system lacks what the launcher needs.
  virtual void check() const = 0;

  /// The tasks for cells that are not done, each with the number of stages of one kind that it
  /// could share among workers. None: this process needs nobody's help.
  virtual std::vector<std::optional<size_t>> tasks(const std::vector<size_t>& widths) const = 0;

  /// Whether this process computes as well.
  virtual bool computes_here() const = 0;

  /// Starts the workers of a launch whose cells are written; records the jobs in its header.
  virtual void start(Launch& launch) = 0;

  /// Waits for workers that end with this process; passes its interrupts on.
  virtual void finish() = 0;
};

using LauncherRegistry = config::Registry<Launcher>;

/// Every launcher of the program.
const LauncherRegistry& launcher_registry();

}  // namespace cq
