#include "cq/experiments/setup/config_checks.h"

#include <algorithm>

#include "cq/base/error.h"
#include "cq/config/nearest.h"

namespace cq {

void check_option_name(const config::Node& config, const std::string& group,
                       const std::vector<std::string>& options) {
  const auto* node = config.find(group + ".name");
  // A root without the group has no options to compare with.
  if (node == nullptr || !node->is_string() || options.empty()) return;
  const auto& name = node->as_string();
  if (std::find(options.begin(), options.end(), name) != options.end()) return;
  throw UsageError("{}the group '{}' has no option '{}'{} (known: {})", node->where(), group, name,
                   config::did_you_mean(name, options), fmt::join(options, ", "));
}

void check_groups(const config::Node& config, const std::vector<std::string>& groups) {
  for (const auto& group : groups) {
    const auto* node = config.get(std::string_view(group));
    if (node == nullptr) {
      throw UsageError("the group '{0}' is needed, but nothing chooses one: {0}=OPTION", group);
    }
    if (!node->is_interpolation()) node->items();
  }
}

const std::vector<std::string>& groups_with_none() {
  static const std::vector<std::string> groups{"quant", "cache"};
  return groups;
}

bool chooses_none(const config::Node& config, const std::string& group) {
  const auto* name = config.find(group + ".name");
  return name != nullptr && name->is_string() && name->as_string() == "none";
}

void check_none_reads(const config::Node& config, const std::string& group,
                      const std::function<bool(const config::Node& value)>& is_given) {
  if (!chooses_none(config, group)) return;
  for (const auto& [key, value] : config.at(group).items()) {
    // No cache is the cache of interval 1, which may be said.
    const bool read = key == "name" || (group == "cache" && key == "interval");
    if (read || !is_given(value)) continue;
    throw UsageError("{}nothing is {} ({group}=none), so the key changes nothing: choose {group}=",
                     value.where(), group == "quant" ? "quantized" : "kept",
                     fmt::arg("group", group));
  }
}

void check_keys(const config::Node& dict, const std::vector<std::string>& known) {
  for (const auto& [key, value] : dict.items()) {
    if (std::find(known.begin(), known.end(), key.text()) != known.end()) continue;
    throw UsageError("{}unknown key{} (known: {})", value.where(),
                     config::did_you_mean(key.text(), known), fmt::join(known, ", "));
  }
}

}  // namespace cq
