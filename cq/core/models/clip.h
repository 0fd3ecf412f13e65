#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cq/core/models/clip_text.h"
#include "cq/core/models/encoder.h"

namespace cq {

struct ClipVisionConfig {
  int64_t image_size = 224;
  int64_t patch = 32;
  int64_t width = 768;
  int64_t layers = 12;
  int64_t heads = 12;
};

/// CLIP's vision transformer. Names as in Hugging Face's CLIPVisionModel below `vision_model.`.
class ClipVision {
 public:
  /// Throws UsageError where the patches do not divide the image.
  ClipVision(const Scope& scope, const ClipVisionConfig& config);
  /// pixels [B, 3, image_size, image_size], normalised as CLIP's -> the class token's last state
  /// after the final norm, [B, width]. Throws UsageError for other sizes.
  at::Tensor forward(const at::Tensor& pixels, const Executor& executor) const;

 private:
  ClipVisionConfig config_;
  const Unit* patches_;
  at::Tensor class_token_;  ///< [width]
  at::Tensor positions_;    ///< [1 + patches, width]
  Norm before_, after_;
  std::optional<ClipLayers> layers_;
};

struct ClipParameters : ClipTextConfig {
  ClipParameters() : ClipTextConfig{.width = 512, .heads = 8} {}
  int64_t image_size = 224;
  int64_t patch = 32;
  int64_t vision_width = 768;
  int64_t vision_layers = 12;
  int64_t vision_heads = 12;
  int64_t projection = 512;
  ClipVisionConfig vision() const {
    return {image_size, patch, vision_width, vision_layers, vision_heads};
  }
};

/// CLIP: `tokens` -> `text_features`, `pixels` -> `image_features`, [B, projection] each, not
/// normalised. A text's feature is the state at its first end token, which has the largest number
/// of the vocabulary. The defaults are ViT-B/32's.
class ClipEncoder : public FeatureEncoder {
 public:
  static constexpr const char* name = "clip";
  static constexpr const char* doc = "CLIP's text and vision transformers";
  static constexpr const char* source = "Radford et al. 2021, arXiv 2103.00020";
  using Parameters = ClipParameters;
  static const config::Params<Parameters>& parameters();

  ClipEncoder(const Parameters& config, Weights weights);
  std::vector<Input> inputs() const override {
    return {{"tokens", 2, at::kLong}, {"pixels", 4, at::kFloat}};
  }
  Named encode(const Named& inputs, const Step& step) const override;
  std::vector<std::string> ignored() const override;

  at::Tensor text_features(const at::Tensor& tokens, const Executor& executor) const;
  at::Tensor image_features(const at::Tensor& pixels, const Executor& executor) const;

 private:
  ClipText text_;
  ClipVision vision_;
  const Unit *text_projection_, *image_projection_;
};

}  // namespace cq
