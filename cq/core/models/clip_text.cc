#include "cq/core/models/clip_text.h"

#include <ATen/ops/embedding.h>

#include "cq/base/error.h"

namespace cq {

ClipText::ClipText(const Scope& scope, const ClipTextConfig& c) : config_(c) {
  const auto embeddings = scope / "embeddings";
  token_table_ =
      (embeddings / "token_embedding").add("weight", {c.vocabulary, c.width}, Init::normal(0.02));
  positions_ =
      (embeddings / "position_embedding").add("weight", {c.tokens, c.width}, Init::normal(0.01));
  layers_.emplace(
      scope / "encoder",
      ClipLayersConfig{.width = c.width, .layers = c.layers, .heads = c.heads, .causal = true});
  final_ = make_layer_norm(scope, "final_layer_norm", c.width, ClipLayers::kEps);
}

at::Tensor ClipText::forward(const at::Tensor& tokens, const Executor& executor) const {
  if (tokens.dim() != 2 || tokens.size(1) > config_.tokens) {
    throw UsageError("[clip] tokens must be [batch, at most {}], got [{}]", config_.tokens,
                     fmt::join(tokens.sizes(), ", "));
  }
  const int64_t least = tokens.min().item<int64_t>(), most = tokens.max().item<int64_t>();
  if (least < 0 || most >= config_.vocabulary) {
    throw UsageError("[clip] tokens from {} to {}: the vocabulary has 0..{}", least, most,
                     config_.vocabulary - 1);
  }
  const auto embedded = at::embedding(token_table_, tokens);
  const auto x = layers_->forward(embedded + positions_.narrow(0, 0, tokens.size(1)), executor);
  return at::layer_norm(x, {config_.width}, final_.weight, final_.bias, final_.eps);
}

}  // namespace cq
