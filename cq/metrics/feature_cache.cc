#include "cq/metrics/feature_cache.h"

#include <system_error>

#include "cq/base/error.h"
#include "cq/base/hash.h"
#include "cq/base/log.h"
#include "cq/core/io/safetensors.h"

namespace cq {

FeatureCache::FeatureCache(const std::filesystem::path& folder, const std::string& content_hash,
                           const FeatureNetwork& network) {
  if (folder.empty()) return;
  const nlohmann::ordered_json key{
      {"schema", 1}, {"content", content_hash}, {"network", network.protocol()}};
  file_ = folder / (Sha256().add(key.dump()).hex() + ".safetensors");
}

bool FeatureCache::find(bool features, bool spatial, SampleBatch& side) const {
  std::error_code error;
  if (file_.empty() || !std::filesystem::exists(file_, error)) return false;
  try {
    const auto stored = SafeTensors::open(file_);
    if ((features && !stored.contains("features")) || (spatial && !stored.contains("spatial"))) {
      return false;
    }
    if (features) side.features = stored.tensor("features");
    if (spatial) side.spatial = stored.tensor("spatial");
    return true;
  } catch (const Error& damaged) {
    log_warning("{}; the features are computed again", damaged.what());
    return false;
  }
}

void FeatureCache::keep(const SampleBatch& side) const {
  if (file_.empty()) return;
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  if (side.features.defined()) tensors.emplace_back("features", side.features);
  if (side.spatial.defined()) tensors.emplace_back("spatial", side.spatial);
  try {
    std::error_code error;
    std::filesystem::create_directories(file_.parent_path(), error);
    write_safetensors(file_, tensors);
  } catch (const Error& failed) {
    log_warning("the reference's features are not kept: {}", failed.what());
  }
}

}  // namespace cq
