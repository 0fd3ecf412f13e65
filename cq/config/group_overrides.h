#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cq/config/default_input.h"
#include "cq/config/override.h"

namespace cq::config {

/// What the overrides ask of the groups, and whether it found its place.
struct GroupOverrides {
  struct Choice {
    Node value;
    bool used = false;
    std::string asked_by;  // the override, or the config with an "override" entry
    bool external = false;
  };
  struct Deletion {
    std::optional<std::string> option;
    bool used = false;
    std::string asked_by;
  };
  std::vector<std::pair<std::string, Choice>> choices;
  std::map<std::string, Deletion> deletions;
  std::vector<InputDefault> appended;
  Node known = Node::dict();
  std::map<std::string, std::set<std::string>> known_by_group;

  /// Throws UsageError for overrides that no group can take.
  explicit GroupOverrides(const std::vector<Override>& overrides);

  Choice* find(const std::string& key);

  /// Throws UsageError for a choice or deletion that found no place.
  void check_used() const;

 private:
  void add(const Override& over);
};

}  // namespace cq::config
