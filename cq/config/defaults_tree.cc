#include "cq/config/defaults_tree.h"

#include <algorithm>

#include "cq/base/error.h"
#include "cq/config/nearest.h"
#include "cq/config/resolve.h"

namespace cq::config {

namespace {

constexpr int kDeepest = 100;

}  // namespace

std::unique_ptr<DefaultsTree> DefaultsTreeBuilder::grow(const std::string& name, bool primary) {
  auto root = std::make_unique<DefaultsTree>();
  root->node.kind = InputDefault::Kind::config;
  root->node.name = name;
  root->node.primary = primary;
  root->node.update_parent("", "");
  expand(*root, primary, false);
  return root;
}

void DefaultsTreeBuilder::expand(DefaultsTree& tree, bool is_root, bool interpolated) {
  if (++depth_ > kDeepest) {
    const std::string mark = tree.node.mark.text();
    throw UsageError("{}{}the defaults list of '{}' leads back to itself", mark,
                     mark.empty() ? "" : ": ", tree.node.config_path());
  }
  expand_inside(tree, is_root, interpolated);
  --depth_;
}

void DefaultsTreeBuilder::expand_inside(DefaultsTree& tree, bool is_root, bool interpolated) {
  InputDefault& parent = tree.node;
  if (is_root) parent.update_parent("", "");
  const ConfigFile* loaded = nullptr;
  if (!parent.is_missing() && !parent.value_is_null()) {
    loaded = repository_.load(parent.config_path());
    if (loaded != nullptr) parent.set_package_header(loaded->package);
  }
  if (delete_it(parent)) return;
  learn_choice(parent);
  if (parent.value_is_null() || is_left_open(parent)) return;
  if (loaded == nullptr) {
    if (!parent.optional) not_found(tree);
    parent.deleted = true;
    return;
  }
  std::vector<InputDefault> list;
  for (const DefaultEntry& entry : loaded->defaults) list.push_back(InputDefault(entry));
  if (!list.empty() || (is_root && !overrides_.appended.empty())) check_self(parent, list);
  if (is_root) {
    list.insert(list.end(), overrides_.appended.begin(), overrides_.appended.end());
  }
  take_overrides(parent, list, interpolated);
  for (auto entry = list.rbegin(); entry != list.rend(); ++entry) {
    add_entry(tree, *entry, interpolated);
  }
  expand_interpolations(tree);
  std::reverse(tree.children.begin(), tree.children.end());
}

std::unique_ptr<DefaultsTree> DefaultsTreeBuilder::leaf(DefaultsTree& parent, InputDefault node) {
  auto out = std::make_unique<DefaultsTree>();
  out->node = std::move(node);
  out->parent = &parent;
  return out;
}

void DefaultsTreeBuilder::add_entry(DefaultsTree& tree, InputDefault& entry, bool interpolated) {
  InputDefault& parent = tree.node;
  if (entry.kind == InputDefault::Kind::self) {
    tree.children.push_back(leaf(tree, entry));
    return;
  }
  if (entry.override_) return;
  entry.update_parent(parent.group_path(), parent.final_package());
  if (entry.kind == InputDefault::Kind::group) {
    if (auto* choice = overrides_.find(entry.override_key())) {
      entry.value = choice->value;
      choice->used = true;
    }
  }
  if (entry.kind == InputDefault::Kind::group && entry.value.is_list()) {
    add_options(tree, entry, interpolated);
    return;
  }
  tree.children.push_back(leaf(tree, entry));
  if (!entry.is_interpolation()) expand(*tree.children.back(), false, interpolated);
}

void DefaultsTreeBuilder::add_options(DefaultsTree& tree, const InputDefault& entry,
                                      bool interpolated) {
  for (auto item = entry.value.elements().rbegin(); item != entry.value.elements().rend(); ++item) {
    if (item->is_interpolation()) {
      throw UsageError("{}no interpolations in a list of options", item->where());
    }
    InputDefault option;
    option.kind = InputDefault::Kind::config;
    option.name = entry.name + "/" + item->as_string();
    option.package = entry.package;
    option.optional = entry.optional;
    option.mark = entry.mark;
    option.update_parent(tree.node.group_path(), tree.node.final_package());
    tree.children.push_back(leaf(tree, option));
    expand(*tree.children.back(), false, interpolated);
  }
}

/// Entries such as "db_${server}: x" wait until all groups beside them are chosen.
void DefaultsTreeBuilder::expand_interpolations(DefaultsTree& tree) {
  for (auto& child : tree.children) {
    InputDefault& node = child->node;
    if (node.kind == InputDefault::Kind::self || !node.is_interpolation()) continue;
    const bool group = node.kind == InputDefault::Kind::group;
    const std::string text = group ? node.value.as_string() : node.config_path();
    Node name;
    try {
      name = resolve_at(overrides_.known, "_", Node(text).with_mark(node.mark));
    } catch (const UsageError& error) {
      std::vector<std::string> keys;
      for (const auto& [key, value] : overrides_.known.items()) {
        if (!key.starts_with("hydra/")) keys.push_back(key);
      }
      throw UsageError("{} (groups chosen so far: {})", error.what(), fmt::join(keys, ", "));
    }
    if (!name.is_string()) {
      throw UsageError("{}: '{}' gives {}, not the name of an option", node.mark.text(), text,
                       name.describe());
    }
    node.set_resolved(name.as_string());
    node.update_parent(tree.node.group_path(), tree.node.final_package());
    expand(*child, false, true);
  }
}

bool DefaultsTreeBuilder::delete_it(InputDefault& node) {
  if (node.kind != InputDefault::Kind::group) return false;
  const auto found = overrides_.deletions.find(node.override_key());
  if (found == overrides_.deletions.end()) return false;
  if (found->second.option && Node(*found->second.option) != node.value) return false;
  found->second.used = true;
  node.deleted = true;
  return true;
}

void DefaultsTreeBuilder::learn_choice(const InputDefault& node) {
  if (node.kind != InputDefault::Kind::group) return;
  const std::string key = node.override_key();
  const Node* known = overrides_.known.get(Key(key));
  if (known != nullptr && *known != node.value) {
    throw UsageError(
        "{}: '{}' is chosen twice, {} and {}; to change a choice write 'override {}: "
        "...' behind the other entries",
        node.mark.text(), key, known->describe(), node.value.describe(), key);
  }
  overrides_.known.put(Key(key), node.value);
  overrides_.known_by_group[node.group_path()].insert(key);
}

bool DefaultsTreeBuilder::is_left_open(const InputDefault& node) const {
  if (!node.config_path().ends_with("???")) return false;
  if (skip_missing_) return true;
  if (node.kind != InputDefault::Kind::group) {
    throw UsageError("{}: only the option of a group can be left open, not a config",
                     node.mark.text());
  }
  const std::string key = node.override_key();
  throw UsageError("{}: '{}' must be chosen: {}=OPTION with one of {}", node.mark.text(), key, key,
                   fmt::join(repository_.options(node.group_path()), ", "));
}

void DefaultsTreeBuilder::not_found(const DefaultsTree& tree) const {
  const InputDefault& node = tree.node;
  if (node.primary) {
    throw UsageError("there is no config '{}' in {}", node.config_path(),
                     repository_.search_path());
  }
  const bool group = node.kind == InputDefault::Kind::group;
  std::string message = node.mark.text();
  if (message.empty() && tree.parent != nullptr) message = tree.parent->node.config_path();
  message += fmt::format(": there is no config '{}'", node.config_path());
  const std::vector<std::string> options = repository_.options(node.group_path());
  if (!options.empty()) {
    message += did_you_mean(group ? node.value.as_string() : node.name, options);
    message += fmt::format(" (options of '{}': {})", node.group_path(), fmt::join(options, ", "));
  }
  if (group) {
    for (const auto& [key, choice] : overrides_.choices) {
      if (key == node.override_key()) message += fmt::format("; asked for by {}", choice.asked_by);
    }
  }
  throw UsageError("{}; looked in {}", message, repository_.search_path());
}

void DefaultsTreeBuilder::check_self(const InputDefault& parent, std::vector<InputDefault>& list) {
  bool has_self = false;
  bool has_others = false;
  for (const InputDefault& entry : list) {
    has_others = has_others || !entry.override_;
    if (entry.kind != InputDefault::Kind::self) continue;
    if (has_self) {
      throw UsageError("{}: _self_ twice in the defaults list of '{}'", entry.mark.text(),
                       parent.config_path());
    }
    has_self = true;
  }
  if (has_self || (!has_others && !list.empty())) return;
  InputDefault self;
  self.kind = InputDefault::Kind::self;
  list.push_back(self);
}

void DefaultsTreeBuilder::take_overrides(const InputDefault& parent,
                                         std::vector<InputDefault>& list, bool interpolated) {
  const InputDefault* last = nullptr;
  for (InputDefault& entry : list) {
    if (entry.kind == InputDefault::Kind::self) continue;
    entry.update_parent(parent.group_path(), parent.final_package());
    if (last != nullptr && !entry.override_ && !entry.external_append) {
      throw UsageError(
          "{}: 'override {}' must stand behind all other entries of the defaults "
          "list",
          last->mark.text(), last->name);
    }
    if (!entry.override_) continue;
    last = &entry;
    if (interpolated) {
      throw UsageError("{}: no 'override' below a group that is chosen by an interpolation",
                       entry.mark.text());
    }
    const std::string key = entry.override_key();
    if (overrides_.find(key) == nullptr) {
      overrides_.choices.emplace_back(
          key, GroupOverrides::Choice{entry.value, false, entry.mark.text(), false});
    }
  }
}

}  // namespace cq::config
