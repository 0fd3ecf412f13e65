#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cq/config/node.h"

namespace cq {

/// The packed checkpoint that `weights` names, none where it names anything else.
std::optional<std::filesystem::path> packed_file(const config::Node& config);

/// Where `weights` is a packed checkpoint, the config with the groups that it was estimated for,
/// in integers unless `quant.execution` says otherwise. Throws UsageError for overrides that
/// contradict it.
config::Node with_packed_groups(config::Node config, const std::vector<std::string>& overrides);

}  // namespace cq
