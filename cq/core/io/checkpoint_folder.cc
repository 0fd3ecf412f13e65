#include "cq/core/io/checkpoint_folder.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/core/io/printable.h"

namespace fs = std::filesystem;

namespace cq {
namespace {

constexpr std::string_view kIndex = ".index.json";
constexpr uintmax_t kLongestIndex = 64u << 20;
constexpr std::array kTorchSuffixes = {".bin", ".ckpt", ".pt", ".pth", ".th"};

/// How good a kind of checkpoint is, from the best: safetensors before torch, full precision before
/// variants. Nothing for other files.
std::optional<size_t> kind_of(const std::string& file) {
  const bool variant =
      file.find(".fp16.") != std::string::npos || file.find("non_ema") != std::string::npos;
  const auto extension = fs::path(file).extension();
  if (extension == ".safetensors") return variant ? 2 : 0;
  const bool torch = std::any_of(kTorchSuffixes.begin(), kTorchSuffixes.end(),
                                 [&](const char* suffix) { return extension == suffix; });
  if (torch) return variant ? 3 : 1;
  return std::nullopt;
}

/// Or a link to one; not a link that leads nowhere or to itself.
bool is_file(const fs::path& path) {
  std::error_code none;
  return fs::is_regular_file(path, none);
}

/// A `*.index.json`: which file of its folder holds which tensor.
class ShardIndex {
 public:
  explicit ShardIndex(const fs::path& path) : where_(printable(path.native())) {
    if (fs::file_size(path) > kLongestIndex) throw RunError("{}: over 64 MiB", where_);
    nlohmann::json json;
    try {
      json = nlohmann::json::parse(read_text(path));
    } catch (const nlohmann::json::exception& error) {
      throw RunError("{}: no JSON: {}", where_, printable(error.what()));
    }
    if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object()) {
      throw RunError("{}: no object 'weight_map'", where_);
    }
    for (const auto& [name, file] : json["weight_map"].items()) {
      const auto text = file.is_string() ? file.get<std::string>() : std::string();
      if (text.empty() || text != fs::path(text).filename() || text == "." || text == "..") {
        throw RunError("{}: '{}': expected the name of a file beside the index, came {}", where_,
                       printable(name), printable(file.dump(), 80));
      }
      names_[text].push_back(name);
    }
  }

  bool has_any(const fs::path& folder) const {
    return std::any_of(names_.begin(), names_.end(),
                       [&](const auto& entry) { return is_file(folder / entry.first); });
  }

  /// The shards, each of which must be there and hold what the index says.
  std::vector<fs::path> files(const fs::path& folder) const {
    std::vector<fs::path> files;
    for (const auto& [file, names] : names_) {
      const auto path = folder / file;
      if (!is_file(path)) {
        throw RunError("{}: '{}' lies in '{}', which is not there", where_,
                       printable(names.front()), printable(file));
      }
      const auto shard = open_checkpoint(path);
      for (const auto& name : names) {
        if (!shard->contains(name)) {
          throw RunError("{}: '{}' is not in '{}'", where_, printable(name), printable(file));
        }
      }
      files.push_back(path);
    }
    return files;
  }

 private:
  std::string where_;
  std::map<std::string, std::vector<std::string>> names_;  ///< by file
};

class ShardedCheckpoint : public Checkpoint {
 public:
  void add(const std::string& prefix, const fs::path& file) {
    const auto& shard = *shards_.emplace_back(open_checkpoint(file));
    for (const auto& inner : shard.names()) {
      const auto name = prefix + inner;
      if (!where_.emplace(name, Place{&shard, inner}).second) {
        throw RunError("{}: another file beside it holds '{}' too", printable(file.native()),
                       printable(inner));
      }
      names_.push_back(name);
    }
  }
  bool empty() const { return shards_.empty(); }
  std::string format() const override { return shards_.front()->format(); }
  const std::vector<std::string>& names() const override { return names_; }
  bool contains(const std::string& name) const override { return where_.contains(name); }
  const TensorInfo& info(const std::string& name) const override {
    const Place& place = where_.at(name);
    return place.shard->info(place.name);
  }
  at::Tensor tensor(const std::string& name) const override {
    const Place& place = where_.at(name);
    return place.shard->tensor(place.name);
  }

 private:
  struct Place {
    const Checkpoint* shard;
    std::string name;
  };
  std::vector<std::unique_ptr<Checkpoint>> shards_;
  std::map<std::string, Place> where_;
  std::vector<std::string> names_;
};

}  // namespace

std::vector<std::vector<fs::path>> checkpoints_in(const fs::path& folder) {
  std::array<std::vector<fs::path>, 4> kinds;
  std::array<std::vector<fs::path>, 4> indices;
  std::error_code none;
  if (!fs::is_directory(folder, none)) return {};
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!is_file(entry.path())) continue;
    auto name = entry.path().filename().string();
    const bool index = name.ends_with(kIndex);
    if (index) name.resize(name.size() - kIndex.size());
    if (const auto kind = kind_of(name)) (index ? indices : kinds)[*kind].push_back(entry.path());
  }
  size_t best = 0;
  while (best < 3 && kinds[best].empty() && indices[best].empty()) ++best;
  // An index whose shards were not fetched is no reason against what was.
  if (kinds[best].empty()) {
    const auto fetched = std::find_if(kinds.begin() + std::ptrdiff_t(best), kinds.end(),
                                      [](const auto& files) { return !files.empty(); });
    if (fetched != kinds.end()) best = size_t(fetched - kinds.begin());
  }
  std::sort(kinds[best].begin(), kinds[best].end());
  std::sort(indices[best].begin(), indices[best].end());

  std::vector<std::vector<fs::path>> checkpoints;
  const auto is_shard = [](const fs::path& file) {
    return file.filename().string().find("-of-") != std::string::npos;
  };
  std::set<fs::path> indexed;
  for (const auto& path : indices[best]) {
    const ShardIndex index(path);
    if (!kinds[best].empty() && !index.has_any(folder)) continue;
    checkpoints.push_back(index.files(folder));
    indexed.insert(checkpoints.back().begin(), checkpoints.back().end());
  }
  std::vector<fs::path> shards;
  for (const auto& file : kinds[best]) {
    if (indexed.contains(file)) continue;
    if (!is_shard(file)) {
      checkpoints.push_back({file});
    } else if (indexed.empty()) {
      shards.push_back(file);
    }
  }
  if (!shards.empty()) checkpoints.push_back(shards);
  return checkpoints;
}

std::unique_ptr<Checkpoint> open_folder_checkpoint(const fs::path& folder) {
  auto all = std::make_unique<ShardedCheckpoint>();
  for (const std::string child : kPipelineFolders) {
    for (const auto& files : checkpoints_in(folder / child)) {
      for (const auto& file : files) all->add(child.empty() ? "" : child + ".", file);
    }
  }
  if (all->empty()) throw no_checkpoint_in(folder);
  return all;
}

RunError no_checkpoint_in(const fs::path& folder) {
  return RunError(
      "{}: no checkpoint in this folder, nor in unet, transformer, vae or text_encoder below it",
      printable(folder.native()));
}

}  // namespace cq
