#include "cq/config/repository.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "cq/config/yaml_reader.h"

namespace cq::config {

namespace {

namespace fs = std::filesystem;

/// "# @package name" in the comment lines that begin the file.
std::optional<std::string> package_header(const std::string& text, const std::string& file) {
  std::istringstream lines(text.substr(0, 512));
  std::optional<std::string> package;
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::vector<std::string> all;
    std::string word;
    while (words >> word) all.push_back(word);
    if (all.empty()) continue;
    // "#@package x", "# @package x" and "## @package x" are headers alike.
    if (all[0] == "#" && all.size() > 1) {
      all.erase(all.begin());
    } else if (all[0].starts_with("#")) {
      all[0].erase(0, all[0].find_first_not_of('#'));
    } else {
      break;
    }
    if (!all[0].starts_with("@")) break;
    if (all.size() != 2) {
      throw UsageError("{}: a header is '# @package NAME', got '{}'", file, line);
    }
    if (all[0] == "@package") package = all[1];
  }
  return package;
}

DefaultEntry entry_of(std::string text, const Mark& mark) {
  DefaultEntry entry;
  entry.mark = mark;
  const std::size_t at = text.find('@');
  if (at != std::string::npos) {
    std::string package = text.substr(at + 1);
    entry.package = package.substr(0, package.find(':'));
    text.erase(at);
  }
  entry.name = std::move(text);
  return entry;
}

DefaultEntry group_entry(const Key& key, const Node& value) {
  DefaultEntry entry = entry_of(key, value.mark());
  entry.kind = DefaultEntry::Kind::group;
  std::istringstream words(entry.name);
  std::vector<std::string> all;
  std::string word;
  while (std::getline(words, word, ' ')) all.push_back(word);
  if (all.empty() || all.back().empty() || entry.name.ends_with(' ')) {
    throw UsageError("{}an entry of the defaults list is 'group: option', got the group '{}'",
                     value.where(), entry.name);
  }
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    if (all[i] == "optional") {
      entry.optional = true;
    } else if (all[i] == "override") {
      entry.override_ = true;
    } else {
      break;
    }
  }
  entry.name = all.back();
  const auto refuse = [&](const Node& node) {
    throw UsageError(
        "{}the option of '{}' in the defaults list must be a name, a list of names or "
        "null, got {}",
        node.where(), entry.name, node.describe());
  };
  if (value.is_list()) {
    for (const Node& item : value.elements()) {
      if (!item.is_string()) refuse(item);
    }
  } else if (!value.is_string() && !value.is_null()) {
    refuse(value);
  }
  entry.value = value;
  return entry;
}

DefaultEntry default_entry(const Node& item) {
  if (item.is_string()) {
    DefaultEntry entry = entry_of(item.as_string(), item.mark());
    if (entry.name == "_self_" && entry.package) {
      throw UsageError("{}_self_@PACKAGE is not supported", item.where());
    }
    entry.kind = entry.name == "_self_" ? DefaultEntry::Kind::self : DefaultEntry::Kind::config;
    return entry;
  }
  if (!item.is_dict() || item.size() != 1 || item.items()[0].first.kind != KeyKind::string) {
    throw UsageError("{}an entry of the defaults list is a config or one 'group: option', got {}",
                     item.where(), item.describe());
  }
  const auto& [key, value] = item.items()[0];
  const DefaultEntry entry = group_entry(key, value);
  if (value.is_string() && value.as_string() == "_self_") {
    throw UsageError("{}_self_ stands alone in the defaults list; it is no option of '{}'",
                     value.where(), entry.name);
  }
  return entry;
}

std::string with_extension(const std::string& path) {
  return path.ends_with(".yaml") ? path : path + ".yaml";
}

}  // namespace

ConfigFile read_config(const std::string& text, const std::string& file) {
  ConfigFile out;
  out.file = file;
  out.config = read_yaml(text, file);
  out.package = package_header(text, file);
  if (out.config.is_null()) out.config = Node::dict();
  if (!out.config.is_dict()) {
    throw UsageError("{}: a config is a mapping, got {}", out.config.mark().text(),
                     out.config.describe());
  }
  if (const Node* defaults = out.config.get(std::string_view("defaults"))) {
    if (!defaults->is_list()) {
      throw UsageError("{}: the defaults list must be a list, got {}", defaults->mark().text(),
                       defaults->describe());
    }
    for (const Node& item : defaults->elements()) out.defaults.push_back(default_entry(item));
    out.config.erase(Key("defaults"));
  }
  return out;
}

void Repository::add(const std::string& path, ConfigFile config) {
  cache_[path] = std::move(config);
  for (std::size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0;
       slash = path.rfind('/', slash - 1)) {
    groups_[path.substr(0, slash)] = true;
  }
}

const ConfigFile* Repository::load(const std::string& path) {
  const auto cached = cache_.find(path);
  if (cached != cache_.end()) return cached->second ? &*cached->second : nullptr;
  std::optional<ConfigFile> found;
  for (const fs::path& root : roots_) {
    const fs::path file = root / with_extension(path);
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored)) continue;
    found = read_config(read_yaml_text(file), file.string());
    break;
  }
  const auto& stored = cache_[path] = std::move(found);
  return stored ? &*stored : nullptr;
}

bool Repository::group_exists(const std::string& group) const {
  const auto known = groups_.find(group);
  if (known != groups_.end()) return known->second;
  std::error_code ignored;
  const bool found = std::any_of(roots_.begin(), roots_.end(), [&](const fs::path& root) {
    return fs::is_directory(root / group, ignored);
  });
  groups_[group] = found;
  return found;
}

std::vector<std::string> Repository::options(const std::string& group) const {
  std::set<std::string> names;
  for (const fs::path& root : roots_) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(root / group, ignored)) {
      if (entry.path().extension() == ".yaml" && entry.is_regular_file(ignored)) {
        names.insert(entry.path().stem().string());
      }
    }
  }
  return {names.begin(), names.end()};
}

std::string Repository::search_path() const {
  std::string out;
  for (const fs::path& root : roots_) out += (out.empty() ? "" : ", ") + root.string();
  return out;
}

}  // namespace cq::config
