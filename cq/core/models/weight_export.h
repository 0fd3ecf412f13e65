#pragma once
// The way back of weight_layout.h: tensors under the names of an LDM checkpoint, renamed to what
// diffusers saves.
#include <map>
#include <string>
#include <vector>

#include "cq/core/tensor.h"
#include "cq/core/weights.h"

namespace cq {

/// The networks of a diffusers pipeline by their folders: unet, transformer, vae, text_encoder.
using DiffusersModules = std::map<std::string, std::vector<std::pair<std::string, at::Tensor>>>;

/// `head_channels` is the width of a head in plain attention blocks, whose q, k and v lie
/// interleaved by head in a CompVis checkpoint. Whatever belongs to no network (schedules,
/// averages) is left out. Throws RunError for a network that diffusers has no class for.
DiffusersModules to_diffusers(const WeightSource& source, int64_t head_channels);

/// All tensors under CompVis' names: 1x1 convolutions of autoencoders with their two last
/// dimensions, q, k and v of plain attention blocks as one.
std::vector<std::pair<std::string, at::Tensor>> to_compvis(const WeightSource& source,
                                                           int64_t head_channels);

}  // namespace cq
