#include "cq/experiments/harness/cell.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/hash.h"
#include "cq/base/json.h"

namespace cq {
namespace fs = std::filesystem;
namespace {

constexpr size_t longest_name = 120;
constexpr const char* manifest = "cell.json";

std::pair<std::string, std::string> split_override(const std::string& text) {
  const size_t start = text.find_first_not_of("+~");
  const std::string rest = start == std::string::npos ? std::string() : text.substr(start);
  const size_t equals = rest.find('=');
  if (equals == std::string::npos) return {rest, ""};
  return {rest.substr(0, equals), rest.substr(equals + 1)};
}

std::string leaf_of(const std::string& key) {
  return key.substr(key.rfind('.') + 1);
}

/// What every file system takes, and no shell or URL reads in another way.
std::string safe(std::string text) {
  for (char& c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && std::string_view("._=+,-").find(c) == std::string_view::npos) c = '_';
  }
  return text;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

/// Overrides that are the same in every cell say nothing about one.
std::set<std::string> shared_by_all(const std::vector<std::vector<std::string>>& overrides) {
  std::map<std::string, size_t> uses;
  for (const auto& cell : overrides) {
    for (const auto& text : std::set<std::string>(cell.begin(), cell.end())) ++uses[text];
  }
  std::set<std::string> shared;
  for (const auto& [text, count] : uses) {
    if (count == overrides.size() && overrides.size() > 1) shared.insert(text);
  }
  return shared;
}

std::string with_hash(const std::string& name, const std::vector<std::string>& overrides) {
  std::string all;
  for (const auto& text : overrides) all += text + '\n';
  return name.substr(0, longest_name - 9) + "-" + sha256(all).substr(0, 8);
}

nlohmann::ordered_json list_files(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file()) {
      throw RunError("a cell's results are plain files, not {}", entry.path().string());
    }
    names.insert(entry.path().filename().string());
  }
  return names;
}

}  // namespace

const fs::path& CellFolder::stage(const std::string& name) const {
  for (const auto& [known, path] : stages_) {
    if (known == name) return path;
  }
  throw std::logic_error("a cell asked for the stage '" + name + "' that it did not declare");
}

std::vector<std::string> cell_names(const std::vector<std::vector<std::string>>& overrides) {
  const auto shared = shared_by_all(overrides);
  std::map<std::string, std::set<std::string>> keys_by_leaf;
  for (const auto& cell : overrides) {
    for (const auto& text : cell) {
      const std::string key = split_override(text).first;
      if (!shared.contains(text)) keys_by_leaf[leaf_of(key)].insert(key);
    }
  }
  std::vector<std::string> names;
  std::map<std::string, size_t> uses;
  for (const auto& cell : overrides) {
    std::string name;
    for (const auto& text : cell) {
      if (shared.contains(text)) continue;
      const auto [key, value] = split_override(text);
      const std::string leaf = leaf_of(key);
      name += (name.empty() ? "" : ",") + (keys_by_leaf.at(leaf).size() == 1 ? leaf : key) + "=" +
              value;
    }
    name = name.empty() ? "base" : safe(name);
    if (name.front() == '.' || name.front() == '-') name.front() = '_';
    ++uses[lower(name)];
    names.push_back(std::move(name));
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (uses.at(lower(names[i])) > 1 || names[i].size() > longest_name) {
      names[i] = with_hash(names[i], overrides[i]);
    }
  }
  return names;
}

std::optional<PublishedCell> read_published(const fs::path& cell_folder) {
  try {
    const auto record = nlohmann::json::parse(read_text(cell_folder / manifest));
    for (const auto& name : record.at("files")) {
      if (!fs::exists(cell_folder / name.get_ref<const std::string&>())) return std::nullopt;
    }
    return PublishedCell{record.at("key"), record.at("config")};
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

void publish_cell(const fs::path& staged, const fs::path& cell_folder, const PublishedCell& cell) {
  const auto files = list_files(staged);
  if (!fs::exists(staged / "metrics.json")) {
    throw RunError("the results for {} hold no metrics.json", cell_folder.string());
  }
  make_folders(cell_folder);
  std::set<std::string> stale;
  try {
    const auto earlier = read_json(cell_folder / manifest);
    for (const auto& name : earlier.at("files")) stale.insert(name);
  } catch (const std::exception&) {
    stale.clear();  // no earlier result
  }
  std::error_code error;
  fs::remove(cell_folder / manifest, error);
  if (error) throw_file_error("cannot remove", cell_folder / manifest, error.value());
  // The manifest is written in the staged folder too: a kill leaves no temporary file behind.
  write_json(staged / manifest,
             {{"schema", 1}, {"key", cell.key}, {"config", cell.config_hash}, {"files", files}});
  for (const std::string name : files) {
    sync_path(staged / name);
    fs::rename(staged / name, cell_folder / name, error);
    if (error) throw_file_error("cannot move into", cell_folder / name, error.value());
    stale.erase(name);
  }
  for (const auto& name : stale) fs::remove(cell_folder / name, error);
  fs::rename(staged / manifest, cell_folder / manifest, error);
  if (error) throw_file_error("cannot move into", cell_folder / manifest, error.value());
  sync_path(cell_folder);
}

}  // namespace cq
