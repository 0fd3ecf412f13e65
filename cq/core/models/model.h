#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "cq/config/registry.h"
#include "cq/core/diffusion.h"
#include "cq/core/models/patch_stage.h"
#include "cq/core/network.h"

namespace cq {

/// `model.latent`: what the sampler works on.
struct LatentConfig {
  int64_t channels = 4;
  int64_t size = 64;
};

/// `model.conditioning`: `class_context` embeds a label as one context token for cross-attention
/// (LDM ImageNet's class embedder), `class_label` hands it to the network (DiT).
struct ConditioningConfig {
  std::string kind = "class_context";
  int64_t classes = 10;
  int64_t width = 512;
};

struct FirstStageConfig {
  std::string kind = "patch";
  int64_t patch = 4;
};

/// A denoiser with everything around it that its checkpoint holds: conditioning, first stage and
/// the diffusion process. Const after construction and shared by all cells.
class Model {
 public:
  /// Builds from the `model` group of a config. `source` undefined: initial values (`mode`).
  Model(const config::Node& model, std::shared_ptr<const WeightSource> source, InitMode mode,
        uint64_t seed);

  const std::string& name() const { return name_; }
  const Network& network() const { return *network_; }
  Network& network() { return *network_; }
  const Diffusion& diffusion() const { return diffusion_; }
  const FirstStage& first_stage() const { return *first_stage_; }
  const LatentConfig& latent() const { return latent_; }
  int64_t classes() const { return conditioning_.classes; }
  /// Label that stands for "no class" in classifier-free guidance.
  int64_t null_class() const { return conditioning_.classes; }

  /// x [B, C, h, w], t [B] int64, labels [B] int64 in 0..classes.
  NetworkInput input(const at::Tensor& x, const at::Tensor& t, const at::Tensor& labels) const;

  /// All parts under the names of an LDM checkpoint: model.diffusion_model.*,
  /// cond_stage_model.embedding.weight, first_stage_model.*.
  std::vector<Weights::Named> named() const;
  /// What an optimiser changes: the network and the class embedding.
  std::vector<at::Tensor> trainable() const;
  int64_t parameter_count() const { return network_->weights().count(); }
  void to(const at::Device& device);

 private:
  std::string name_;
  Diffusion diffusion_;
  LatentConfig latent_;
  ConditioningConfig conditioning_;
  std::unique_ptr<Network> network_;
  std::optional<Weights> embedder_;
  at::Tensor class_table_;
  std::unique_ptr<PatchStage> first_stage_;
};

/// Networks that a `model.network` can name.
const config::Registry<Network, Weights>& network_registry();

/// A part of a checkpoint whose names begin with `prefix`, the prefix taken off.
std::shared_ptr<const WeightSource> part_of(std::shared_ptr<const WeightSource> whole,
                                            std::string prefix);

/// A safetensors file as a source.
std::shared_ptr<const WeightSource> open_weights(const std::filesystem::path& path);

}  // namespace cq
