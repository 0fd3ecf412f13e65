#include "cq/config/group_overrides.h"

#include "cq/base/error.h"
#include "cq/config/nearest.h"

namespace cq::config {

GroupOverrides::GroupOverrides(const std::vector<Override>& overrides) {
  for (const Override& over : overrides) add(over);
}

GroupOverrides::Choice* GroupOverrides::find(const std::string& key) {
  for (auto& [name, choice] : choices) {
    if (name == key) return &choice;
  }
  return nullptr;
}

void GroupOverrides::add(const Override& over) {
  const Node value = over.node();
  if (over.kind == Override::Kind::force_add) {
    throw UsageError("override '{}': ++ is for values; + adds an option of a group", over.text);
  }
  if (over.kind == Override::Kind::remove) {
    if (!value.is_null() && !value.is_string()) {
      throw UsageError("override '{}': the option to delete must be a name", over.text);
    }
    deletions[over.group_key()] = {
        value.is_null() ? std::nullopt : std::optional(value.as_string()), false, over.text};
    return;
  }
  bool names = value.is_string() || value.is_list();
  if (value.is_list()) {
    for (const Node& item : value.elements()) names = names && item.is_string();
  }
  if (!names) {
    throw UsageError(
        "override '{}': the option of a group must be a name or a list of names, "
        "got {}",
        over.text, value.describe());
  }
  if (over.kind == Override::Kind::add) {
    InputDefault input;
    input.kind = InputDefault::Kind::group;
    input.name = over.key;
    input.set_package(over.package);
    input.value = value;
    input.external_append = true;
    appended.push_back(input);
    return;
  }
  if (Choice* old = find(over.group_key())) {
    *old = {value, false, over.text, true};
  } else {
    choices.emplace_back(over.group_key(), Choice{value, false, over.text, true});
  }
}

void GroupOverrides::check_used() const {
  for (const auto& [key, choice] : choices) {
    if (choice.used) continue;
    const auto same_group = known_by_group.find(key.substr(0, key.find('@')));
    std::vector<std::string> names;
    for (const auto& [name, value] : known.items()) {
      if (!name.starts_with("hydra/")) names.push_back(name);
    }
    std::string hint = did_you_mean(key, names);
    if (same_group != known_by_group.end()) {
      hint = fmt::format("; did you mean {}?", fmt::join(same_group->second, " or "));
    }
    throw UsageError("{}{}: '{}' is not in the defaults list{}{}",
                     choice.external ? "override '" : "",
                     choice.external ? choice.asked_by + "'" : choice.asked_by, key, hint,
                     choice.external ? " (+" + choice.asked_by + " adds it)" : "");
  }
  for (const auto& [key, deletion] : deletions) {
    if (deletion.used) continue;
    throw UsageError("override '{}': '{}' is not in the defaults list", deletion.asked_by,
                     deletion.option ? key + "=" + *deletion.option : key);
  }
}

}  // namespace cq::config
