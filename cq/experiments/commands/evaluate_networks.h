#pragma once
#include "cq/experiments/commands/evaluate.h"

namespace cq {

/// The feature networks of `cq-exp evaluate`. The embedded classifier comes with the program;
/// Inception's and CLIP's weights are the user's.
std::unique_ptr<FeatureNetwork> make_feature_network(const FeatureNetworkChoice& choice);

}  // namespace cq
