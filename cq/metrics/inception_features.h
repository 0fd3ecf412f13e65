#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "cq/metrics/feature_network.h"

namespace cq {

/// Inception v3 of the FID papers as a feature network, "inception": pool3 for the metrics on
/// features, logits without their bias for IS, 17 x 17 x 7 of Mixed_6d for sFID. `resize` is one of
/// inception_resizes(). Throws UsageError for another one, RunError for weights that do not fit.
std::unique_ptr<FeatureNetwork> make_inception_features(const std::filesystem::path& weights,
                                                        const std::string& resize,
                                                        const at::Device& device);

}  // namespace cq
