#include "cq/core/models/clip_text.h"

#include <ATen/ops/embedding.h>

#include "cq/base/error.h"

namespace cq {

namespace {

constexpr double kEps = 1e-5;

}  // namespace

ClipText::ClipText(const Scope& scope, const ClipTextConfig& c) : config_(c) {
  if (c.width % c.heads != 0) {
    throw UsageError("[clip] width={} is no multiple of heads={}", c.width, c.heads);
  }
  const auto embeddings = scope / "embeddings";
  token_table_ =
      (embeddings / "token_embedding").add("weight", {c.vocabulary, c.width}, Init::normal(0.02));
  positions_ =
      (embeddings / "position_embedding").add("weight", {c.tokens, c.width}, Init::normal(0.01));
  for (int64_t i = 0; i < c.layers; ++i) {
    blocks_.push_back(make_block(scope / "encoder" / "layers" / i));
  }
  final_ = make_layer_norm(scope, "final_layer_norm", c.width, kEps);
}

ClipText::Block ClipText::make_block(const Scope& scope) const {
  const int64_t n = config_.width;
  const auto self = scope / "self_attn";
  auto& weights = scope.weights();
  const auto rows = [&](const char* kind, at::IntArrayRef shape) {
    std::vector<std::string> names;
    for (const char* child : {"q_proj", "k_proj", "v_proj"}) {
      names.push_back((self / child).name(kind));
    }
    return weights.add_rows(names, shape, Init::fan(n));
  };
  Unit qkv;
  qkv.name = self.name("q_proj");
  qkv.norm = make_layer_norm(scope, "layer_norm1", n, kEps);
  qkv.weight = rows("weight", {n, n});
  qkv.bias = rows("bias", {n});
  Block block;
  block.qkv = weights.add(std::move(qkv));
  block.proj = make_linear(self, "out_proj", n, n);
  block.fc1 = make_linear(scope / "mlp", "fc1", n, 4 * n,
                          {.norm = make_layer_norm(scope, "layer_norm2", n, kEps)});
  block.fc2 = make_linear(scope / "mlp", "fc2", 4 * n, n, {.act = Activation::quick_gelu});
  return block;
}

at::Tensor ClipText::run(const Block& block, const at::Tensor& x, const Executor& executor) const {
  const auto qkv = executor.run(*block.qkv, {.x = x}, 0).chunk(3, -1);
  const auto split = [&](const at::Tensor& part) { return split_heads(part, config_.heads); };
  // Not the executor's attention, which has no mask: each token sees itself and those before it.
  const auto mixed = merge_heads(at::scaled_dot_product_attention(
      split(qkv[0]), split(qkv[1]), split(qkv[2]), {}, 0.0, /*is_causal=*/true));
  const auto h = executor.run(*block.proj, {.x = mixed, .residual = x}, 0);
  const auto inner = executor.run(*block.fc1, {.x = h}, 0);
  return executor.run(*block.fc2, {.x = inner, .residual = h}, 0);
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
  auto x = at::embedding(token_table_, tokens) + positions_.narrow(0, 0, tokens.size(1));
  for (const auto& block : blocks_) x = run(block, x, executor);
  return at::layer_norm(x, {config_.width}, final_.weight, final_.bias, final_.eps);
}

}  // namespace cq
