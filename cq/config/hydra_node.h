#pragma once
// Configs written for Hydra may set Hydra's own keys (`hydra.run.dir`, `override hydra/launcher`).
// They are checked as far as their names go and otherwise have no effect here, except for
// hydra.searchpath, hydra.mode and hydra.sweeper.params.
#include <map>
#include <string>
#include <vector>

#include "cq/config/override.h"
#include "cq/config/repository.h"

namespace cq::config {

/// Puts Hydra's own groups and keys where the composition looks for them.
void add_hydra_configs(Repository& repository);

/// Adds the folders of hydra.searchpath of the primary config or the overrides as roots.
void add_search_path(Repository& repository, const Node& searchpath);

/// Whether `plugin`, "launcher" or "sweeper", is Hydra's basic one. `choices`: options of Hydra's
/// groups, "hydra/launcher" and others.
bool is_hydras_own(const std::string& plugin, const std::map<std::string, std::string>& choices);

/// Throws UsageError for a key below `hydra` that Hydra does not know. Of launchers and sweepers
/// only the keys of Hydra's own are known.
void check_hydra_keys(const Node& config, const std::map<std::string, std::string>& choices);

/// Throws UsageError for an override below hydra.sweeper.params of a config in which that is null:
/// Hydra fails there, since null takes no keys and no mapping.
void check_sweeper_override(const Node& config, const Override& over);

/// hydra.sweeper.params as overrides.
std::vector<std::string> sweeper_params(const Node& config);

}  // namespace cq::config
