#include "cq/experiments/launchers/launcher.h"

namespace cq {

// Defined in the launcher's own file.
void add_local_launcher(LauncherRegistry& registry);
void add_slurm_launcher(LauncherRegistry& registry);

const LauncherRegistry& launcher_registry() {
  static const LauncherRegistry registry = [] {
    LauncherRegistry list("launcher");
    add_local_launcher(list);
    add_slurm_launcher(list);
    return list;
  }();
  return registry;
}

}  // namespace cq
