#include "cq/core/models/dit.h"

#include <ATen/ops/embedding.h>

#include "cq/base/error.h"

namespace cq {

Point block_range_point(int64_t first, int64_t last) {
  return fmt::format("blocks.{}-{}", first, last - 1);
}

at::Tensor sincos_positions(int64_t size, int64_t width) {
  const int64_t quarter = width / 4;
  const auto index = at::arange(quarter, at::kDouble) / double(quarter);
  const auto omega = at::pow(10000.0, -index);
  const auto axis = at::arange(size, at::kDouble).unsqueeze(1) * omega.unsqueeze(0);
  const auto one = at::cat({at::sin(axis), at::cos(axis)}, 1);  // [size, width / 2]
  // The official grid has its first half along the width (x), the second along the height.
  const auto along_x = one.unsqueeze(0).expand({size, size, 2 * quarter});
  const auto along_y = one.unsqueeze(1).expand({size, size, 2 * quarter});
  return at::cat({along_x, along_y}, 2).reshape({1, size * size, width}).to(at::kFloat);
}

const config::Params<DiTConfig>& DiT::parameters() {
  using C = DiTConfig;
  static const auto params =
      config::Params<C>()
          .field("input_size", &C::input_size, "height and width of the latent", {1, 4096})
          .field("patch_size", &C::patch_size, "latent pixels along a token", {1, 64})
          .field("in_channels", &C::in_channels, "channels of the latent", {1, 4096})
          .field("hidden_size", &C::hidden_size, "width of the stream", {4, 65536})
          .field("depth", &C::depth, "blocks", {1, 1024})
          .field("num_heads", &C::num_heads, "heads of an attention", {1, 1024})
          .field("mlp_ratio", &C::mlp_ratio, "hidden width of an MLP over the stream's", {0.1, 64})
          .field("num_classes", &C::num_classes, "classes, without the one for none", {1, 1000000})
          .field("learn_sigma", &C::learn_sigma, "the network also predicts a variance")
          .field("time_shift", &C::time_shift,
                 "taken from the divisor of the time's frequencies; diffusers has 1", {0, 1})
          .field("mlp_eps", &C::mlp_eps, "epsilon of the norm before an MLP; diffusers has 1e-5",
                 {1e-12, 1});
  return params;
}

namespace {

const DiTConfig& checked(const DiTConfig& c) {
  if (c.hidden_size % c.num_heads != 0) {
    throw UsageError("[dit] num_heads={} does not divide hidden_size={}", c.num_heads,
                     c.hidden_size);
  }
  if (c.hidden_size % 4 != 0) {
    throw UsageError("[dit] hidden_size={} is no multiple of 4, which positions take",
                     c.hidden_size);
  }
  if (c.input_size % c.patch_size != 0) {
    throw UsageError("[dit] patch_size={} does not divide input_size={}", c.patch_size,
                     c.input_size);
  }
  return c;
}

}  // namespace

DiT::DiT(const DiTConfig& c, Weights weights) : Network(std::move(weights)), config_(checked(c)) {
  const Scope root(this->weights());
  const int64_t d = c.hidden_size, p = c.patch_size, grid = c.input_size / p;
  positions_ = this->weights().add_fixed("pos_embed", sincos_positions(grid, d));
  patch_ = make_conv(root / "x_embedder", "proj", c.in_channels, d, p,
                     {.geometry = {.stride = p}, .boundary = true});
  timestep_ = {.width = 256, .cosine_first = true, .shift = c.time_shift};
  time_in_ = make_linear(root / "t_embedder" / "mlp", "0", 256, d, {.embedding = true});
  time_out_ = make_linear(root / "t_embedder" / "mlp", "2", d, d,
                          {.act = Activation::silu, .embedding = true});
  classes_ = (root / "y_embedder")
                 .add("embedding_table.weight", {c.num_classes + 1, d}, Init::normal(0.02));
  for (int64_t i = 0; i < c.depth; ++i) blocks_.push_back(make_block(root / "blocks" / i));
  const auto last = root / "final_layer";
  final_modulation_ = make_linear(last / "adaLN_modulation", "1", d, 2 * d,
                                  {.act = Activation::silu, .zero_init = true, .embedding = true});
  final_ = make_linear(last, "linear", d, p * p * c.in_channels * (c.learn_sigma ? 2 : 1),
                       {.norm = plain_layer_norm(1e-6), .zero_init = true, .boundary = true});
}

DiT::Block DiT::make_block(const Scope& scope) const {
  const int64_t d = config_.hidden_size, wide = int64_t(double(d) * config_.mlp_ratio);
  Block b;
  b.qkv = make_linear(scope / "attn", "qkv", d, 3 * d, {.norm = plain_layer_norm(1e-6)});
  b.attention = scope.weights().add(AttentionUnit{scope.name("attn"), -1, config_.num_heads});
  b.proj = make_linear(scope / "attn", "proj", d, d);
  b.fc1 = make_linear(scope / "mlp", "fc1", d, wide, {.norm = plain_layer_norm(config_.mlp_eps)});
  b.fc2 = make_linear(scope / "mlp", "fc2", wide, d, {.act = Activation::gelu_tanh});
  b.modulation = make_linear(scope / "adaLN_modulation", "1", d, 6 * d,
                             {.act = Activation::silu, .zero_init = true, .embedding = true});
  b.attention_point = scope.name("attn");
  b.mlp_point = scope.name("mlp");
  return b;
}

at::Tensor DiT::run(const Block& b, at::Tensor x, const at::Tensor& c, const Step& step) const {
  const auto m = step.run(*b.modulation, {.x = c}).chunk(6, 1);  // shift, scale, gate; twice
  x = step.at_gated(b.attention_point, m[2], x, [&](const UnitInput& end) {
    return step.self_attention(*b.qkv, {.x = x, .scale = m[1], .shift = m[0]}, *b.attention,
                               {*b.proj, end});
  });
  return step.at_gated(b.mlp_point, m[5], x, [&](const UnitInput& end) {
    return step.run_pair(*b.fc1, {.x = x, .scale = m[4], .shift = m[3]}, *b.fc2, end);
  });
}

at::Tensor DiT::run_blocks(at::Tensor x, const at::Tensor& c, const Step& step, int64_t first,
                           int64_t last) const {
  for (int64_t i = first; i < last; ++i) x = run(blocks_[size_t(i)], x, c, step);
  return x;
}

at::Tensor DiT::forward(const NetworkInput& in, const Step& step) const {
  if (!in.y.defined()) throw UsageError("[dit] this network needs class labels y [B]");
  const int64_t size = config_.input_size;
  if (in.x.size(2) != size || in.x.size(3) != size) {
    throw UsageError("[dit] positions are those of {} x {} latents, got {} x {}", size, size,
                     in.x.size(2), in.x.size(3));
  }
  const auto image = step.run(*patch_, {.x = in.x});
  auto x = image.flatten(2).transpose(1, 2) + positions_;  // [B, N, D]
  const auto time = step.run(*time_out_, {.x = step.run(*time_in_, {.x = timestep_(in.t)})});
  const auto c = time + at::embedding(classes_, in.y);
  const auto range = step.block_range();
  const int64_t first = range.first, last = range.second;
  if (first < last) {
    x = run_blocks(x, c, step, 0, first);
    x = x + step.at(block_range_point(first, last),
                    [&] { return run_blocks(x, c, step, first, last) - x; });
    x = run_blocks(x, c, step, last, config_.depth);
  } else {
    x = run_blocks(x, c, step, 0, config_.depth);
  }
  const auto m = step.run(*final_modulation_, {.x = c}).chunk(2, 1);
  const auto tokens = step.run(*final_, {.x = x, .scale = m[1], .shift = m[0]});
  return unpatchify(tokens, image.size(2), image.size(3));
}

at::Tensor DiT::unpatchify(const at::Tensor& tokens, int64_t height, int64_t width) const {
  const int64_t p = config_.patch_size, channels = tokens.size(2) / (p * p);
  return tokens.view({tokens.size(0), height, width, p, p, channels})
      .permute({0, 5, 1, 3, 2, 4})  // [B, C, h, p, w, p]
      .reshape({tokens.size(0), channels, height * p, width * p});
}

CachePoint DiT::cache_point(int64_t branch, const std::vector<int64_t>& blocks) const {
  if (branch != 0) {
    throw UsageError(
        "[cache] branch={} names a level of a UNet; this network is a transformer: use "
        "cache.blocks",
        branch);
  }
  const int64_t depth = config_.depth;
  auto range = blocks.empty() ? std::vector<int64_t>{depth / 4, depth / 4 + depth / 2} : blocks;
  if (range.size() == 2 && range[0] < 0) range[0] += depth;
  if (range.size() == 2 && range[1] <= 0) range[1] += depth;
  if (range.size() != 2 || range[0] < 0 || range[0] >= range[1] || range[1] > depth) {
    throw UsageError("[cache] blocks=[{}] is no range [first, last) of {} blocks",
                     fmt::join(blocks, ", "), depth);
  }
  // The corrected stream feeds the next block's qkv and fc1, or the final layer.
  std::vector<int64_t> consumers{final_->id};
  if (range[1] < depth) {
    const auto& next = blocks_[size_t(range[1])];
    consumers = {next.qkv->id, next.fc1->id};
  }
  return {block_range_point(range[0], range[1]), {range[0], range[1]}, consumers};
}

std::vector<Point> DiT::points() const {
  std::vector<Point> points{block_range_point(0, config_.depth)};
  for (const auto& block : blocks_) {
    points.push_back(block.attention_point);
    points.push_back(block.mlp_point);
  }
  return points;
}

}  // namespace cq
