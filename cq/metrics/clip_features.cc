#include "cq/metrics/clip_features.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <c10/core/GradMode.h>

#include "cq/base/error.h"
#include "cq/base/hash.h"
#include "cq/core/image_resize.h"
#include "cq/core/models/clip.h"
#include "cq/core/models/model.h"

namespace cq {
namespace {

constexpr int64_t kHeadWidth = 64;  // of every published CLIP

/// The configuration that the shapes in a file tell.
ClipParameters config_of(const WeightSource& source) {
  const auto shape = [&](const char* name, size_t dimensions) {
    if (!source.has(name)) {
      throw RunError("{}: no {} in it, so it is no CLIP with a text and a vision tower",
                     source.description(), name);
    }
    const auto sizes = source.get(name).sizes().vec();
    if (sizes.size() != dimensions) {
      throw RunError("{}: {} is [{}], expected {} dimensions", source.description(), name,
                     fmt::join(sizes, ", "), dimensions);
    }
    return sizes;
  };
  const auto layers = [&](const char* tower) {
    int64_t count = 0;
    while (source.has(fmt::format("{}.encoder.layers.{}.layer_norm1.weight", tower, count))) {
      ++count;
    }
    return count;
  };
  const auto tokens = shape("text_model.embeddings.token_embedding.weight", 2);
  const auto positions = shape("text_model.embeddings.position_embedding.weight", 2);
  const auto patches = shape("vision_model.embeddings.patch_embedding.weight", 4);
  const auto places = shape("vision_model.embeddings.position_embedding.weight", 2);
  ClipParameters config;
  config.vocabulary = tokens[0];
  config.width = tokens[1];
  config.tokens = positions[0];
  config.heads = std::max<int64_t>(1, config.width / kHeadWidth);
  config.layers = layers("text_model");
  config.patch = patches[2];
  config.vision_width = patches[0];
  config.vision_heads = std::max<int64_t>(1, config.vision_width / kHeadWidth);
  config.vision_layers = layers("vision_model");
  // One position is the class token's.
  config.image_size = config.patch * std::llround(std::sqrt(static_cast<double>(places[0] - 1)));
  config.projection = shape("visual_projection.weight", 2)[0];
  return config;
}

class ClipFeatures : public FeatureNetwork {
 public:
  ClipFeatures(const std::filesystem::path& weights, const std::string& resize,
               const at::Device& device)
      : ClipFeatures(part_of(open_weights(weights), "encoder."), sha256_file(weights), resize,
                     device) {}

  std::string name() const override { return "clip"; }
  std::string weights_hash() const override { return hash_; }
  std::string resize() const override {
    return fmt::format("{} to {}x{}", resize_, config_.image_size, config_.image_size);
  }
  bool has_logits() const override { return false; }
  bool has_text() const override { return true; }
  int64_t width() const override { return config_.projection; }
  int64_t text_length() const override { return config_.tokens; }

  Features compute(const at::Tensor& images) override {
    const c10::NoGradGuard no_grad;
    const auto unit = resize_for_clip(images, config_.image_size, resize_);
    const auto pixels = ((unit - row({.48145466F, .4578275F, .40821073F})) /
                         row({.26862954F, .26130258F, .27577711F}))
                            .to(device_);
    return {finite(encoder_.image_features(pixels, executor_)), {}, {}};
  }

  at::Tensor compute_text(const at::Tensor& tokens) override {
    const c10::NoGradGuard no_grad;
    return finite(encoder_.text_features(tokens.to(device_), executor_));
  }

 private:
  ClipFeatures(const std::shared_ptr<const WeightSource>& source, std::string hash,
               const std::string& resize, const at::Device& device)
      : device_(device),
        hash_(std::move(hash)),
        resize_(resize),
        config_(config_of(*source)),
        encoder_(config_, Weights(source)) {
    encoder_.weights().check_complete(encoder_.ignored());
    encoder_.weights().to(device);
  }

  static at::Tensor row(std::vector<float> values) {
    return at::from_blob(values.data(), {1, 3, 1, 1}).clone();
  }
  static at::Tensor finite(const at::Tensor& features) {
    if (!features.isfinite().all().item<bool>()) throw RunError("[clip] features are not finite");
    return features.cpu();
  }

  at::Device device_;
  std::string hash_;
  std::string resize_;
  ClipParameters config_;
  FloatExecutor executor_;
  ClipEncoder encoder_;
};

}  // namespace

std::unique_ptr<FeatureNetwork> make_clip_features(const std::filesystem::path& weights,
                                                   const std::string& resize,
                                                   const at::Device& device) {
  const auto& known = clip_resizes();
  if (std::find(known.begin(), known.end(), resize) == known.end()) {
    throw UsageError("--resize {}: the network 'clip' knows {}", resize, fmt::join(known, ", "));
  }
  return std::make_unique<ClipFeatures>(weights, resize, device);
}

}  // namespace cq
