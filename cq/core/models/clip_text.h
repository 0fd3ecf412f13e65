#pragma once
#include <optional>

#include "cq/core/models/clip_layers.h"

namespace cq {

/// The defaults are ViT-L/14's, the text encoder of Stable Diffusion 1.
struct ClipTextConfig {
  int64_t tokens = 77;
  int64_t width = 768;
  int64_t layers = 12;
  int64_t heads = 12;
  int64_t vocabulary = 49408;
};

/// CLIP's text transformer (Radford et al. 2021, arXiv 2103.00020): causal, pre-norm, quick-GELU.
/// Names as in Hugging Face's CLIPTextModel below `text_model.`.
class ClipText {
 public:
  ClipText(const Scope& scope, const ClipTextConfig& config);
  /// tokens [B, N] int64 -> the last layer's states after the final norm, [B, N, width]. Throws
  /// UsageError where N is above the positions there are, or a token beyond the vocabulary.
  at::Tensor forward(const at::Tensor& tokens, const Executor& executor) const;

 private:
  ClipTextConfig config_;
  at::Tensor token_table_, positions_;
  std::optional<ClipLayers> layers_;
  Norm final_;
};

}  // namespace cq
