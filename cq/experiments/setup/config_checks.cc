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

void refuse_unread_quant(const config::Node& value) {
  throw UsageError("{}nothing is quantized (quant=none), so the key changes nothing: choose quant=",
                   value.where());
}

void check_keys(const config::Node& dict, const std::vector<std::string>& known) {
  for (const auto& [key, value] : dict.items()) {
    if (std::find(known.begin(), known.end(), key.text()) != known.end()) continue;
    throw UsageError("{}unknown key{} (known: {})", value.where(),
                     config::did_you_mean(key.text(), known), fmt::join(known, ", "));
  }
}

}  // namespace cq
