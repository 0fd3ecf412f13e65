#pragma once
#include <filesystem>
#include <memory>

#include "cq/metrics/feature_network.h"
#include "cq/metrics/numerics/moments.h"

namespace cq {

/// The classifier that the project trains on CIFAR-10 as a feature network, "cifar". Images must be
/// 32 x 32. Throws RunError for a file that is no such classifier.
std::unique_ptr<FeatureNetwork> make_cifar_features(const std::filesystem::path& weights,
                                                    const at::Device& device = at::kCPU);

/// Features of real images that come with the classifier.
struct FeatureReference {
  std::string name;  ///< data set and split
  std::shared_ptr<const FeatureStatistics> statistics;
  at::Tensor features;  ///< [n, D] a part of them, for metrics on neighbours
};

/// Throws RunError where the file was made with another classifier than `weights_hash`.
FeatureReference read_reference(const std::filesystem::path& file, const std::string& weights_hash);

/// Computes the reference of images [n, H, W, 3] uint8; keeps the features of the first `keep`.
/// Throws Interrupted, with no file written, where a signal asked to stop.
void write_reference(const std::filesystem::path& file, FeatureNetwork& network,
                     const std::string& name, const at::Tensor& images, int64_t keep);

}  // namespace cq
