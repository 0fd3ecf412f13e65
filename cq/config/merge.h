#pragma once
// OmegaConf 2.3's merging of configs, and how Hydra applies an override to a composed config.
#include <string>

#include "cq/config/node.h"
#include "cq/config/override.h"

namespace cq::config {

/// `from` merged into `into`, both mappings: mappings merge key by key, lists and scalars are
/// replaced, `???` changes nothing. `root` is what interpolations in `into` refer to, and `path`
/// the key of `into` there. Throws UsageError where a list meets a mapping, and, if `closed`, for a
/// key that `into` does not have.
Node merge(const Node& into, const Node& from, const Node& root, const std::string& path,
           bool closed = false);

/// The config below the dotted `package` ("" for the root).
Node embed(const Node& config, const std::string& package);

/// Applies one override that names a value (no group) to a composed config. Throws UsageError that
/// names the override, and the nearest key where there is no such key.
void apply_override(Node& config, const Override& over);

}  // namespace cq::config
