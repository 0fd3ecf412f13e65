#pragma once
#include <memory>

#include "cq/config/node.h"
#include "cq/core/models/model.h"
#include "cq/core/sampler.h"

namespace cq {

/// The model of a composed config: its `model` group with the weights that `weights` names, a file
/// or `random` (then drawn from `seed`), and its prompts. `mode` other than `random` builds without
/// any file of weights, and only checks the prompts.
std::unique_ptr<Model> load_model(const config::Node& config, InitMode mode = InitMode::random);

struct SamplerChoice {
  std::unique_ptr<Sampler> sampler;
  double guidance = 1;
};

/// The `sampler` group: `name`, `guidance`, and the sampler's own parameters.
SamplerChoice make_sampler(const config::Node& sampler, const Diffusion& diffusion);

}  // namespace cq
