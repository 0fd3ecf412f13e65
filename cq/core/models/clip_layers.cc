#include "cq/core/models/clip_layers.h"

#include "cq/base/error.h"

namespace cq {

ClipLayers::ClipLayers(const Scope& scope, const ClipLayersConfig& c) : config_(c) {
  if (c.width % c.heads != 0) {
    throw UsageError("[clip] width={} is no multiple of heads={}", c.width, c.heads);
  }
  for (int64_t i = 0; i < c.layers; ++i) blocks_.push_back(make_block(scope / "layers" / i));
}

ClipLayers::Block ClipLayers::make_block(const Scope& scope) const {
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

at::Tensor ClipLayers::run(const Block& block, const at::Tensor& x,
                           const Executor& executor) const {
  const auto qkv = executor.run(*block.qkv, {.x = x}, 0).chunk(3, -1);
  const auto split = [&](const at::Tensor& part) { return split_heads(part, config_.heads); };
  // Not the executor's attention, which has no mask.
  const auto mixed = merge_heads(at::scaled_dot_product_attention(
      split(qkv[0]), split(qkv[1]), split(qkv[2]), {}, 0.0, config_.causal));
  const auto h = executor.run(*block.proj, {.x = mixed, .residual = x}, 0);
  const auto inner = executor.run(*block.fc1, {.x = h}, 0);
  return executor.run(*block.fc2, {.x = inner, .residual = h}, 0);
}

at::Tensor ClipLayers::forward(at::Tensor x, const Executor& executor) const {
  for (const auto& block : blocks_) x = run(block, x, executor);
  return x;
}

}  // namespace cq
