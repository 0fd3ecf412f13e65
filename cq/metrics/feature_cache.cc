#include "cq/metrics/feature_cache.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "cq/base/error.h"
#include "cq/base/hash.h"
#include "cq/base/log.h"
#include "cq/core/io/safetensors.h"

namespace cq {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEnding = ".safetensors";
constexpr size_t kHashLength = 64;

/// Nothing where there is no file or a damaged one, of which `warn` tells.
std::optional<SafeTensors> open_stored(const fs::path& file, bool warn) {
  std::error_code error;
  if (file.empty() || !fs::exists(file, error)) return std::nullopt;
  try {
    return SafeTensors::open(file);
  } catch (const Error& damaged) {
    if (warn) log_warning("{}; the features are computed again", damaged.what());
    return std::nullopt;
  }
}

/// Whether this class wrote a file of that name: nothing else in the folder is touched.
bool is_entry(const fs::path& path) {
  const std::string name = path.stem().string();
  return path.extension() == kEnding && name.size() == kHashLength &&
         name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

FeatureCache::FeatureCache(const fs::path& folder, const std::string& content_hash,
                           const FeatureNetwork& network, uintmax_t most_bytes)
    : most_bytes_(most_bytes) {
  if (folder.empty()) return;
  const nlohmann::ordered_json key{
      {"schema", 1}, {"content", content_hash}, {"network", network.protocol()}};
  file_ = folder / (Sha256().add(key.dump()).hex() + kEnding);
}

bool FeatureCache::find(bool features, bool spatial, SampleBatch& side) const {
  const auto stored = open_stored(file_, true);
  if (!stored || (features && !stored->contains("features")) ||
      (spatial && !stored->contains("spatial"))) {
    return false;
  }
  if (features) side.features = stored->tensor("features");
  if (spatial) side.spatial = stored->tensor("spatial");
  std::error_code error;  // of a folder that is read only: the file ages
  fs::last_write_time(file_, fs::file_time_type::clock::now(), error);
  return true;
}

void FeatureCache::keep(const SampleBatch& side) const {
  if (file_.empty()) return;
  const auto stored = open_stored(file_, false);
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& [name, made] :
       {std::pair("features", side.features), {"spatial", side.spatial}}) {
    if (made.defined()) {
      tensors.emplace_back(name, made);
    } else if (stored && stored->contains(name)) {
      tensors.emplace_back(name, stored->tensor(name));
    }
  }
  try {
    std::error_code error;
    fs::create_directories(file_.parent_path(), error);
    write_safetensors(file_, tensors);
    bound();
  } catch (const Error& failed) {
    log_warning("the reference's features are not kept: {}", failed.what());
  }
}

void FeatureCache::bound() const {
  struct Entry {
    fs::file_time_type used;
    uintmax_t bytes;
    fs::path path;
  };
  std::vector<Entry> others;
  std::error_code error;
  uintmax_t bytes = fs::file_size(file_, error);
  for (const auto& found : fs::directory_iterator(file_.parent_path(), error)) {
    if (!is_entry(found.path()) || found.path() == file_) continue;
    // Another process may have removed it by now.
    const Entry entry{found.last_write_time(error), found.file_size(error), found.path()};
    if (error) continue;
    bytes += entry.bytes;
    others.push_back(entry);
  }
  std::sort(others.begin(), others.end(),
            [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const Entry& oldest : others) {
    if (bytes <= most_bytes_) return;
    if (fs::remove(oldest.path, error)) bytes -= oldest.bytes;
  }
}

}  // namespace cq
