#include "cq/core/models/clip.h"

#include <ATen/ops/cumsum.h>

#include "cq/base/error.h"
#include "cq/core/layers/make.h"

namespace cq {

ClipVision::ClipVision(const Scope& scope, const ClipVisionConfig& c) : config_(c) {
  if (c.image_size % c.patch != 0) {
    throw UsageError("[clip] image_size={} is no multiple of patch={}", c.image_size, c.patch);
  }
  const int64_t grid = c.image_size / c.patch;
  const auto embeddings = scope / "embeddings";
  class_token_ = embeddings.add("class_embedding", {c.width}, Init::normal(0.02));
  patches_ = make_conv(embeddings, "patch_embedding", 3, c.width, c.patch,
                       {.geometry = {.stride = c.patch}, .bias = false});
  positions_ = (embeddings / "position_embedding")
                   .add("weight", {grid * grid + 1, c.width}, Init::normal(0.02));
  before_ = make_layer_norm(scope, "pre_layrnorm", c.width, ClipLayers::kEps);
  layers_.emplace(scope / "encoder",
                  ClipLayersConfig{.width = c.width, .layers = c.layers, .heads = c.heads});
  after_ = make_layer_norm(scope, "post_layernorm", c.width, ClipLayers::kEps);
}

at::Tensor ClipVision::forward(const at::Tensor& pixels, const Executor& executor) const {
  const int64_t size = config_.image_size;
  if (pixels.dim() != 4 || pixels.size(1) != 3 || pixels.size(2) != size ||
      pixels.size(3) != size) {
    throw UsageError("[clip] pixels must be [batch, 3, {}, {}], got [{}]", size, size,
                     fmt::join(pixels.sizes(), ", "));
  }
  const auto norm = [&](const at::Tensor& x, const Norm& n) {
    return at::layer_norm(x, {config_.width}, n.weight, n.bias, n.eps);
  };
  const auto patches = executor.run(*patches_, {.x = pixels}, 0).flatten(2).transpose(1, 2);
  const auto first = class_token_.expand({pixels.size(0), 1, config_.width});
  const auto x = norm(at::cat({first, patches}, 1) + positions_, before_);
  return norm(layers_->forward(x, executor).select(1, 0), after_);
}

const config::Params<ClipParameters>& ClipEncoder::parameters() {
  using P = ClipParameters;
  static const auto params =
      config::Params<P>()
          .field<int64_t>("tokens", &P::tokens, "tokens of a text at most", {1, 65536})
          .field<int64_t>("width", &P::width, "of a token of text", {1, 65536})
          .field<int64_t>("layers", &P::layers, "of the text transformer", {1, 1000})
          .field<int64_t>("heads", &P::heads, "of the text transformer's attention", {1, 1000})
          .field<int64_t>("vocabulary", &P::vocabulary, "tokens there are", {1, 1e7})
          .field("image_size", &P::image_size, "height and width of images", {1, 4096})
          .field("patch", &P::patch, "pixels along a token of an image", {1, 4096})
          .field("vision_width", &P::vision_width, "of a token of an image", {1, 65536})
          .field("vision_layers", &P::vision_layers, "of the vision transformer", {1, 1000})
          .field("vision_heads", &P::vision_heads, "of the vision transformer's attention",
                 {1, 1000})
          .field("projection", &P::projection, "width of the features", {1, 65536});
  return params;
}

ClipEncoder::ClipEncoder(const Parameters& c, Weights weights)
    : FeatureEncoder(std::move(weights)),
      text_(Scope(this->weights(), "text_model"), c),
      vision_(Scope(this->weights(), "vision_model"), c.vision()) {
  const Scope root(this->weights());
  text_projection_ = make_linear(root, "text_projection", c.width, c.projection, {.bias = false});
  image_projection_ =
      make_linear(root, "visual_projection", c.vision_width, c.projection, {.bias = false});
  root.add("logit_scale", {}, Init::ones());
}

std::vector<std::string> ClipEncoder::ignored() const {
  // Hugging Face's buffers of positions and the figures in OpenAI's archives.
  return {"text_model.embeddings.position_ids", "vision_model.embeddings.position_ids",
          "input_resolution", "context_length", "vocab_size"};
}

at::Tensor ClipEncoder::text_features(const at::Tensor& tokens, const Executor& executor) const {
  const auto states = text_.forward(tokens, executor);  // [B, N, D]
  const auto ends = tokens.eq(tokens.amax({1}, true)).to(at::kLong);
  const auto first = ends.cumsum(1).eq(0).sum(1);  // tokens before the first end
  const auto row = at::arange(tokens.size(0), tokens.options());
  return executor.run(*text_projection_, {.x = states.index({row, first})}, 0);
}

at::Tensor ClipEncoder::image_features(const at::Tensor& pixels, const Executor& executor) const {
  return executor.run(*image_projection_, {.x = vision_.forward(pixels, executor)}, 0);
}

FeatureEncoder::Named ClipEncoder::encode(const Named& inputs, const Step& step) const {
  Named out;
  if (const auto tokens = inputs.find("tokens"); tokens != inputs.end()) {
    out["text_features"] = text_features(tokens->second, step.executor());
  }
  if (const auto pixels = inputs.find("pixels"); pixels != inputs.end()) {
    out["image_features"] = image_features(pixels->second, step.executor());
  }
  return out;
}

}  // namespace cq
