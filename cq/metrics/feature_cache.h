#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "cq/metrics/feature_network.h"
#include "cq/metrics/metric.h"

namespace cq {

/// Features of a reference set on disk, named by everything that determines them: the set's
/// content, the network's weights and its resize. A file that cannot be used is computed again.
/// The folder holds those of many sets; the ones that were not used for longest leave it.
class FeatureCache {
 public:
  /// Inception's features of 50,000 images are 0.4 GB, the spatial ones as much again.
  static constexpr uintmax_t kMostBytes = uintmax_t(8) << 30;

  /// `folder` empty: nothing is kept and nothing found. The folder's files are kept under
  /// `most_bytes` together, but for the newest.
  FeatureCache(const std::filesystem::path& folder, const std::string& content_hash,
               const FeatureNetwork& network, uintmax_t most_bytes = kMostBytes);

  const std::filesystem::path& file() const { return file_; }
  /// Fills `side` with what is asked for; false where the file lacks it.
  bool find(bool features, bool spatial, SampleBatch& side) const;
  /// Adds `side` to what the file has. A folder that cannot be written costs a warning, not the
  /// evaluation.
  void keep(const SampleBatch& side) const;

 private:
  void bound() const;

  std::filesystem::path file_;
  uintmax_t most_bytes_;
};

}  // namespace cq
