#pragma once
// What holds for a composed config whichever command it is for.
#include <functional>
#include <string>
#include <vector>

#include "cq/config/node.h"

namespace cq {

/// Throws UsageError where one of the groups has no key or is no mapping. Before anything is
/// resolved: else what refers to a key of the group would be blamed.
void check_groups(const config::Node& config, const std::vector<std::string>& groups);

/// Throws UsageError where `<group>.name` is none of the group's options: reports call a cell by
/// it.
void check_option_name(const config::Node& config, const std::string& group,
                       const std::vector<std::string>& options);

/// The groups whose option `none` reads next to nothing: quant and cache.
const std::vector<std::string>& groups_with_none();

/// Whether the option `none` is chosen of the group.
bool chooses_none(const config::Node& config, const std::string& group);

/// Throws UsageError where `none` is chosen of the group and does not read a key that `is_given`
/// holds for.
void check_none_reads(const config::Node& config, const std::string& group,
                      const std::function<bool(const config::Node& value)>& is_given);

/// Throws UsageError for a key of the mapping that is not in `known`, with the nearest of them.
void check_keys(const config::Node& dict, const std::vector<std::string>& known);

}  // namespace cq
