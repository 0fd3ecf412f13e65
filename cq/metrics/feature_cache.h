#pragma once
#include <filesystem>
#include <string>

#include "cq/metrics/feature_network.h"
#include "cq/metrics/metric.h"

namespace cq {

/// Features of a reference set on disk, named by everything that determines them: the set's
/// content, the network's weights and its resize. A file that cannot be used is computed again.
class FeatureCache {
 public:
  /// `folder` empty: nothing is kept and nothing found.
  FeatureCache(const std::filesystem::path& folder, const std::string& content_hash,
               const FeatureNetwork& network);

  const std::filesystem::path& file() const { return file_; }
  /// Fills `side` with what is asked for; false where the file lacks it.
  bool find(bool features, bool spatial, SampleBatch& side) const;
  /// A folder that cannot be written costs a warning, not the evaluation.
  void keep(const SampleBatch& side) const;

 private:
  std::filesystem::path file_;
};

}  // namespace cq
