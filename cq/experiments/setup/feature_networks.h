#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "cq/metrics/feature_network.h"

namespace cq {

/// A feature network as flags name it.
struct FeatureNetworkChoice {
  std::string name;               ///< "cifar", "inception", "clip"
  std::filesystem::path weights;  ///< empty: the program's own
  std::string resize;             ///< empty: the network's default
  at::Device device = at::kCPU;
};
/// UsageError for a name that does not exist, and where a network's weights are missing.
using FeatureNetworkFactory =
    std::function<std::unique_ptr<FeatureNetwork>(const FeatureNetworkChoice&)>;

/// The feature networks of `cq-exp evaluate`. The embedded classifier comes with the program;
/// Inception's and CLIP's weights are the user's.
std::unique_ptr<FeatureNetwork> make_feature_network(const FeatureNetworkChoice& choice);

}  // namespace cq
