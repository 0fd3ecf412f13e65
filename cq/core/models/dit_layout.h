#pragma once
// Names of diffusers' DiTTransformer2DModel. It keeps q, k and v apart, and gives every block its
// own copy of the embedders of time and class, of which the official code has one.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cq/core/models/weight_layout.h"
#include "cq/core/weights.h"

namespace cq {

/// The official code's names (blocks.N.attn.qkv.weight, ...) and where they come from. Unknown
/// names are passed on.
std::map<std::string, LayoutEntry> from_diffusers_dit(const std::vector<std::string>& names);

/// The tensors below `prefix` under diffusers' names, the embedders once for every block.
/// Positions, which diffusers computes, are left out. Throws RunError where they are others.
std::vector<std::pair<std::string, at::Tensor>> to_diffusers_dit(const WeightSource& source,
                                                                 const std::string& prefix);

}  // namespace cq
