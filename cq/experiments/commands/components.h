#pragma once
// Everything of the program that is chosen by name or takes parameters, from the declarations of
// the components themselves: `cq-exp list`, the reference page and shell completion read it.
#include <functional>
#include <string>
#include <vector>

#include "cq/config/registry.h"

namespace cq {

struct ComponentKind {
  std::string name;  ///< as `cq-exp list` calls it
  std::string doc;   ///< one line
  std::string key;   ///< dotted config key that holds the component and its parameters, or empty
  std::function<std::vector<config::RegistryEntry>()> entries;
};

const std::vector<ComponentKind>& component_kinds();

/// Throws UsageError for an unknown name, listing all.
const ComponentKind& component_kind(const std::string& name);

/// Parameters that may stand below a dotted key, for instance "sampler" or "calibration"; "" are
/// the keys of every experiment. `chosen`: the component's name where the key holds one.
std::vector<config::ParamInfo> parameters_at(const std::string& key, const std::string& chosen);

}  // namespace cq
