#pragma once
// What a cell's metrics are taken on.
#include <optional>
#include <string>
#include <vector>

#include "cq/config/params.h"
#include "cq/metrics/metric.h"

namespace cq {

/// `data`: the network whose features metrics are taken on, and what generated images are compared
/// with. What is null is not at hand: metrics that need it are left out, and the report says so.
struct ReferenceParameters {
  std::string network = "cifar";  ///< cifar: embedded; inception: FID proper
  std::optional<std::string> features = "models/cifar-classifier.safetensors";
  std::optional<std::string> reference = "models/cifar10-reference.safetensors";
  std::optional<std::string> resize;  ///< of images to the network's size; null: its default
  std::optional<int64_t> crop;        ///< side that a folder's images are brought to first
  std::optional<std::string> clip;    ///< weights of CLIP, for clip_score
};
const config::Params<ReferenceParameters>& reference_parameters();

/// A metric that a cell asks for.
struct CellMetric {
  std::string name;
  std::string label;  ///< that its value is stored under
  MetricNeeds needs;
  bool clip = false;    ///< on CLIP's features instead of those of `data.network`
  std::string missing;  ///< what the config does not give of its needs; empty: nothing

  bool on_features() const { return needs.features || needs.spatial || needs.logits; }
};

/// Metrics by name or label. `texts`: images are asked for by texts. Throws UsageError for a name
/// that is unknown or asked for twice, a metric that experiments cannot take, and fewer samples
/// than it needs, with the item's place.
std::vector<CellMetric> read_cell_metrics(const config::Node& asked,
                                          const ReferenceParameters& data, bool texts,
                                          int64_t samples);

}  // namespace cq
