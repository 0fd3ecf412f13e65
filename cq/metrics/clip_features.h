#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "cq/metrics/feature_network.h"

namespace cq {

/// CLIP as a feature network, "clip": projected features of images and of texts, not normalised.
/// Any ViT: the sizes are those of the weights (ViT-L/14 at 336 for CMMD). `resize` is one of
/// clip_resizes(). Throws UsageError for another one, RunError for weights that do not fit.
std::unique_ptr<FeatureNetwork> make_clip_features(const std::filesystem::path& weights,
                                                   const std::string& resize,
                                                   const at::Device& device);

}  // namespace cq
