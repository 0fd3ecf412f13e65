#pragma once
#include <memory>

#include "cq/config/registry.h"
#include "cq/core/executor.h"
#include "cq/core/weights.h"

namespace cq {

/// `model.latent`: what the sampler works on.
struct LatentConfig {
  int64_t channels = 4;
  int64_t size = 64;
  /// Latents are the first stage's values times this; null: `scale_factor` of the checkpoint.
  std::optional<double> scale_factor = 1.0;
};

/// Maps images to latents and back.
class FirstStage {
 public:
  explicit FirstStage(Weights weights) : weights_(std::move(weights)) {}
  virtual ~FirstStage() = default;
  FirstStage(const FirstStage&) = delete;
  FirstStage& operator=(const FirstStage&) = delete;

  /// [B, 3, H, W] in -1..1 -> [B, C, h, w], about unit variance. Images are taken in groups that
  /// bound the memory.
  at::Tensor encode(const at::Tensor& images) const;
  /// The inverse, unclipped.
  at::Tensor decode(const at::Tensor& latents) const;

  /// As `encode` and `decode`, of the whole batch and without the scale factor. `executor` computes
  /// the layers.
  virtual at::Tensor to_latents(const at::Tensor& images, const Executor& executor) const = 0;
  virtual at::Tensor to_images(const at::Tensor& latents, const Executor& executor) const = 0;
  /// Pixels along one position of the latent.
  virtual int64_t factor() const = 0;
  /// Beginnings of names that checkpoints hold beside the first stage's own (its training's
  /// losses).
  virtual std::vector<std::string> ignored() const { return {}; }

  double scale() const { return scale_; }
  void set_scale(double scale) { scale_ = scale; }
  Weights& weights() { return weights_; }
  const Weights& weights() const { return weights_; }

 private:
  Weights weights_;
  double scale_ = 1;
};

using FirstStageRegistry = config::Registry<FirstStage, const LatentConfig&, Weights>;
/// First stages that `model.first_stage.kind` can name.
const FirstStageRegistry& first_stage_registry();

/// No first stage: the sampler works on pixels in -1..1.
class NoStage : public FirstStage {
 public:
  static constexpr const char* name = "none";
  static constexpr const char* doc = "the sampler works on pixels";
  static constexpr const char* source = "";
  struct Parameters {};
  static const config::Params<Parameters>& parameters();
  NoStage(const Parameters&, const LatentConfig&, Weights weights)
      : FirstStage(std::move(weights)) {}
  /// Whatever a whole checkpoint has of one: the network alone is wanted of it.
  std::vector<std::string> ignored() const override { return {""}; }
  at::Tensor to_latents(const at::Tensor& images, const Executor&) const override { return images; }
  at::Tensor to_images(const at::Tensor& latents, const Executor&) const override {
    return latents;
  }
  int64_t factor() const override { return 1; }
};

}  // namespace cq
