#pragma once
// The defaults tree of Hydra 1.3: which configs are merged, in which order and where.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cq/config/override.h"
#include "cq/config/repository.h"

namespace cq::config {

/// One config of the final list, to be merged below `package`.
struct ResultDefault {
  std::string config_path;
  std::string package;
};

struct DefaultsList {
  std::vector<ResultDefault> configs;
  /// Group (with @package where it is not its own) to option.
  std::map<std::string, std::string> choices;
  std::map<std::string, std::string> hydra_choices;  ///< of Hydra's own groups: "hydra/launcher"
};

/// `groups`: the overrides whose key is a config group. `skip_missing` leaves out groups whose
/// option is `???` (to look at a sweep before its values are known). Throws UsageError that names
/// the config, group or override at fault.
DefaultsList make_defaults_list(Repository& repository, const std::string& primary,
                                const std::vector<Override>& groups, bool skip_missing);

/// Whether the override chooses, adds or removes an option of a group.
bool is_group_override(const Repository& repository, const Override& over);

}  // namespace cq::config
