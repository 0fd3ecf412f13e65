#include "cq/config/defaults.h"

#include <set>

#include "cq/base/error.h"
#include "cq/config/defaults_tree.h"

namespace cq::config {

namespace {

class Collector {
 public:
  std::vector<ResultDefault> configs;

  void walk(const DefaultsTree& tree) {
    if (tree.children.empty()) {
      take(tree);
      return;
    }
    for (const auto& child : tree.children) walk(*child);
  }

 private:
  void take(const DefaultsTree& leaf) {
    const InputDefault& node = leaf.node;
    if (node.deleted || node.is_missing() || node.value_is_null()) return;
    if (node.kind == InputDefault::Kind::self) {
      const InputDefault& holder = leaf.parent->node;
      configs.push_back({holder.config_path(), holder.final_package()});
      return;
    }
    if (node.kind == InputDefault::Kind::group && !keys_.insert(node.override_key()).second) {
      throw UsageError("{}: '{}' is more than once in the final defaults list", node.mark.text(),
                       node.override_key());
    }
    configs.push_back({node.config_path(), node.final_package()});
  }

  std::set<std::string> keys_;
};

}  // namespace

bool is_group_override(const Repository& repository, const Override& over) {
  if (!over.is_sweep() && over.element().is_dict()) return false;
  return repository.group_exists(over.key);
}

DefaultsList make_defaults_list(Repository& repository, const std::string& primary,
                                const std::vector<Override>& groups, bool skip_missing) {
  GroupOverrides overrides(groups);
  DefaultsTreeBuilder builder(repository, overrides, skip_missing);
  // The primary config is walked first, so that it can override the choices of Hydra's own.
  const auto root = builder.grow(primary, /*primary=*/true);
  const auto hydra = builder.grow("hydra/config", /*primary=*/false);
  Collector collector;
  collector.walk(*hydra);
  collector.walk(*root);
  overrides.check_used();
  DefaultsList out;
  out.configs = std::move(collector.configs);
  for (const auto& [key, value] : overrides.known.items()) {
    if (!value.is_string()) continue;
    auto& choices = key.starts_with("hydra/") ? out.hydra_choices : out.choices;
    choices[key] = value.as_string();
  }
  return out;
}

}  // namespace cq::config
