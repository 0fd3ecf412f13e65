#pragma once
#include <filesystem>
#include <memory>
#include <vector>

#include "cq/metrics/perceptual_network.h"

namespace cq {

/// The network of LPIPS version 0.1 (Zhang et al. 2018, arXiv 1801.03924): AlexNet or VGG-16 up to
/// its last convolution, and a linear head on the squared difference of each stage's normalised
/// features. The weights tell which: names of torchvision (`features.0.weight`) or of the `lpips`
/// package (`net.slice1.0.weight`) for the trunk, of the package (`lin0.model.1.weight`) for the
/// heads, in one file or spread over several. Throws RunError where they do not fit.
std::unique_ptr<PerceptualNetwork> make_lpips_network(
    const std::vector<std::filesystem::path>& weights, const at::Device& device = at::kCPU);

}  // namespace cq
