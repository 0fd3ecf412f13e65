#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "cq/config/registry.h"
#include "cq/core/diffusion.h"
#include "cq/core/models/conditioning.h"
#include "cq/core/models/encoder.h"
#include "cq/core/models/first_stage.h"
#include "cq/core/network.h"

namespace cq {

/// `guidance` of a model: how its code applies classifier-free guidance.
struct GuidanceRule {
  std::string order = "uncond_first";  ///< of the two halves of a batch
  std::optional<int64_t> channels;     ///< that are guided, from the first on; null: all
  bool cond_first() const { return order == "cond_first"; }
};

/// `output` of a model: how its code makes bytes of images.
struct OutputRule {
  std::string bytes = "round";
};

/// A denoiser with everything around it that its checkpoint holds: conditioning, first stage and
/// the diffusion process. Const once its prompts are set, and shared by all cells. A model may be a
/// part alone (an autoencoder); asked for its denoiser it then throws.
class Model {
 public:
  /// Builds from the `model` group of a config. `source` undefined: initial values (`mode`).
  Model(const config::Node& model, std::shared_ptr<const WeightSource> source, InitMode mode,
        uint64_t seed);

  const std::string& name() const { return name_; }
  bool has_network() const { return network_ != nullptr; }
  /// Throw UsageError where the model is an autoencoder or encoder alone.
  const Network& network() const;
  Network& network();
  const Diffusion& diffusion() const { return diffusion_; }
  const FirstStage& first_stage() const { return *first_stage_; }
  FirstStage& first_stage() { return *first_stage_; }
  const Conditioning& conditioning() const { return *conditioning_; }
  Conditioning& conditioning() { return *conditioning_; }
  /// Throws UsageError where the model has none (most: it is a model of its own).
  const FeatureEncoder& encoder() const;
  const LatentConfig& latent() const { return latent_; }
  const GuidanceRule& guidance() const { return guidance_; }
  /// Bytes of images are truncated, not rounded.
  bool truncates() const { return output_.bytes == "truncate"; }
  int64_t classes() const { return conditioning_->classes(); }
  /// Label that stands for "no class" in classifier-free guidance.
  int64_t null_class() const { return conditioning_->classes(); }

  /// x [B, C, h, w], t [B] int64, labels [B] int64 in 0..classes.
  NetworkInput input(const at::Tensor& x, const at::Tensor& t, const at::Tensor& labels) const;

  /// All parts under the names of an LDM checkpoint: model.diffusion_model.*, cond_stage_model.*,
  /// first_stage_model.*; an encoder's as encoder.*.
  std::vector<Weights::Named> named() const;
  /// What an optimiser of the denoiser changes: the network and the class embedding.
  std::vector<at::Tensor> trainable() const;
  int64_t parameter_count() const;
  void to(const at::Device& device);
  const at::Device& device() const { return device_; }

 private:
  void set_scale(const WeightSource* source);

  std::string name_;
  at::Device device_ = at::kCPU;
  Diffusion diffusion_;
  LatentConfig latent_;
  GuidanceRule guidance_;
  OutputRule output_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Conditioning> conditioning_;
  std::unique_ptr<FirstStage> first_stage_;
  std::unique_ptr<FeatureEncoder> encoder_;
};

/// Networks that a `model.network` can name.
const config::Registry<Network, Weights>& network_registry();

/// A part of a checkpoint whose names begin with `prefix`, the prefix taken off.
std::shared_ptr<const WeightSource> part_of(std::shared_ptr<const WeightSource> whole,
                                            std::string prefix);

/// A checkpoint as a source, whatever its format and layout (weight_layout.h): a file, or a folder
/// of checkpoints that are taken together (a diffusers pipeline with unet, vae and text_encoder).
std::shared_ptr<const WeightSource> open_weights(const std::filesystem::path& path);

/// `model.ema`: with `on`, and with `auto` where the checkpoint holds them, the network's averaged
/// weights (model_ema.*) instead of the last ones. Throws RunError where `on` finds none.
std::shared_ptr<const WeightSource> choose_averages(std::shared_ptr<const WeightSource> source,
                                                    const std::string& ema);

}  // namespace cq
