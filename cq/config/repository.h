#pragma once
// Config groups and options in the folders of the search path.
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cq/config/node.h"

namespace cq::config {

/// One entry of a defaults list as it was written.
struct DefaultEntry {
  enum class Kind { self, config, group };
  Kind kind = Kind::self;
  std::string name;                    // path of a config, or the group
  std::optional<std::string> package;  // behind @
  Node value;                          // group: a string, a list of strings, or null
  bool optional = false;
  bool override_ = false;
  Mark mark;
};

struct ConfigFile {
  std::string file;
  Node config;  // without its defaults list
  std::vector<DefaultEntry> defaults;
  std::optional<std::string> package;  // of the "# @package" header
};

/// Reads each file once.
class Repository {
 public:
  explicit Repository(std::vector<std::filesystem::path> roots) : roots_(std::move(roots)) {}

  /// A config that has no file below the roots, or one under another name.
  void add(const std::string& path, ConfigFile config);

  /// "group/option" without ".yaml"; null where there is no such file.
  const ConfigFile* load(const std::string& path);
  bool group_exists(const std::string& group) const;
  /// Options of a group, sorted, over all roots.
  std::vector<std::string> options(const std::string& group) const;
  std::string search_path() const;
  void add_root(std::filesystem::path root) {
    roots_.push_back(std::move(root));
    // What was not there may be now.
    std::erase_if(cache_, [](const auto& entry) { return !entry.second; });
    groups_.clear();
  }

 private:
  std::vector<std::filesystem::path> roots_;
  std::map<std::string, std::optional<ConfigFile>> cache_;
  mutable std::map<std::string, bool> groups_;
};

/// Reads the text of a config file: header, defaults list, content.
ConfigFile read_config(const std::string& text, const std::string& file);

}  // namespace cq::config
