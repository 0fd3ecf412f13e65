#include "cq/core/models/attention.h"

namespace cq {

namespace {

at::Tensor to_tokens(const at::Tensor& image) {
  return image.flatten(2).transpose(1, 2);
}

at::Tensor to_image(const at::Tensor& tokens, const at::Tensor& like) {
  return tokens.transpose(1, 2).reshape(like.sizes());
}

}  // namespace

AttentionBlock::AttentionBlock(const Scope& scope, int64_t channels, int64_t heads)
    : heads_(heads) {
  Unit qkv;
  qkv.name = scope.name("qkv");
  qkv.norm = make_group_norm(scope, "norm", channels, 1e-5);
  const auto init = Init::fan(channels);
  const auto rows = [&](const std::string& leaf, at::IntArrayRef shape) {
    std::vector<std::string> parts;
    for (const char* part : {"q.", "k.", "v."}) parts.push_back(scope.name(part + leaf));
    return scope.weights().add_by_head(scope.name("qkv." + leaf), parts, heads, shape, init);
  };
  qkv.weight = rows("weight", {3 * channels, channels, 1, 1});
  qkv.bias = rows("bias", {3 * channels});
  qkv_ = scope.weights().add(std::move(qkv));
  attention_ = scope.weights().add(AttentionUnit{scope.name("attention"), -1, heads});
  out_ = make_conv(scope, "proj_out", channels, channels, 1, {.zero_init = true});
}

at::Tensor AttentionBlock::forward(const at::Tensor& x, const Step& step) const {
  const int64_t batch = x.size(0), channels = x.size(1), width = channels / heads_;
  const auto qkv = step.run(*qkv_, {.x = x});  // [B, (head, 3, d), H, W]
  const auto parts = qkv.view({batch, heads_, 3, width, -1}).permute({2, 0, 4, 1, 3});
  const auto tokens = parts.reshape({3, batch, -1, channels});
  const auto out = step.attention(*attention_, tokens[0], tokens[1], tokens[2]);
  return step.run(*out_, {.x = to_image(out, x), .residual = x});
}

SpatialTransformer::SpatialTransformer(const Scope& scope, const TransformerConfig& c) {
  in_ = make_conv(scope, "proj_in", c.channels, c.channels, 1,
                  {.norm = make_group_norm(scope, "norm", c.channels, 1e-6)});
  for (int64_t i = 0; i < c.depth; ++i) {
    blocks_.push_back(make_block(scope / "transformer_blocks" / i, c));
  }
  out_ = make_conv(scope, "proj_out", c.channels, c.channels, 1, {.zero_init = true});
}

SpatialTransformer::Block SpatialTransformer::make_block(const Scope& scope,
                                                         const TransformerConfig& c) {
  const auto self = scope / "attn1", cross = scope / "attn2";
  const int64_t n = c.channels;
  Block b;
  b.self_qkv = make_linear_rows(self, {"to_q", "to_k", "to_v"}, n, n,
                                make_layer_norm(scope, "norm1", n, 1e-5));
  b.self = scope.weights().add(AttentionUnit{self.path(), -1, c.heads});
  b.self_out = make_linear(self / "to_out", "0", n, n);
  b.cross_q = make_linear(cross, "to_q", n, n,
                          {.norm = make_layer_norm(scope, "norm2", n, 1e-5), .bias = false});
  b.cross_kv = make_linear_rows(cross, {"to_k", "to_v"}, c.context, n);
  b.cross = scope.weights().add(AttentionUnit{cross.path(), -1, c.heads});
  b.cross_out = make_linear(cross / "to_out", "0", n, n);
  b.feed_in = make_linear(scope / "ff" / "net" / "0", "proj", n, 8 * n,
                          {.norm = make_layer_norm(scope, "norm3", n, 1e-5)});
  b.feed_out = make_linear(scope / "ff" / "net", "2", 4 * n, n, {.act = Activation::geglu});
  return b;
}

at::Tensor SpatialTransformer::run(const Block& b, at::Tensor x, const at::Tensor& context,
                                   const Step& step) {
  x = step.self_attention(*b.self_qkv, {.x = x}, *b.self, {*b.self_out, {.x = {}, .residual = x}});
  const auto q = step.run(*b.cross_q, {.x = x});
  const auto kv = step.run(*b.cross_kv, {.x = context}).chunk(2, -1);
  x = step.projected_attention(*b.cross, q, kv[0], kv[1], {*b.cross_out, {.x = {}, .residual = x}});
  return step.run_pair(*b.feed_in, {.x = x}, *b.feed_out, {.x = {}, .residual = x});
}

at::Tensor SpatialTransformer::forward(const at::Tensor& x, const at::Tensor& context,
                                       const Step& step) const {
  auto tokens = to_tokens(step.run(*in_, {.x = x}));
  for (const auto& block : blocks_) tokens = run(block, tokens, context, step);
  return step.run(*out_, {.x = to_image(tokens, x), .residual = x});
}

}  // namespace cq
