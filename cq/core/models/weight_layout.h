#pragma once
// Names of published checkpoints, translated to the ones that models are built with: those of an
// LDM checkpoint (model.diffusion_model.*, first_stage_model.*, cond_stage_model.*), and encoder.*
// for the networks of metrics.
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

/// Where a tensor comes from: its name in the file and, where layouts differ by more than names,
/// how it is made from that one.
struct LayoutEntry {
  std::string name;
  std::function<at::Tensor(const at::Tensor&)> change = {};
  std::vector<std::string> rows = {};    ///< tensors whose rows follow its own
  std::vector<std::string> copies = {};  ///< tensors that must be equal to it
};

struct WeightLayout {
  std::string name;  ///< how messages call it
  std::map<std::string, LayoutEntry> tensors;
  std::set<std::string> implied;  ///< constants that the layout leaves out
};

/// The layout that a file's names show: `CompVis` (whole LDM and Stable Diffusion checkpoints, and
/// single modules of theirs), `DiT`, `DDPM`, `diffusers UNet`, `diffusers DiT`, `diffusers
/// autoencoder`, `HF CLIP`, `OpenAI CLIP`. Containers (`state_dict`, the averages `ema` of DiT's
/// training checkpoints) are taken off. Unknown names are passed on, for whoever builds a network
/// to refuse.
WeightLayout recognise_layout(const std::vector<std::string>& names);

}  // namespace cq
