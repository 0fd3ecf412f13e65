#pragma once
#include <vector>

#include "cq/config/params.h"
#include "cq/core/layers/make.h"
#include "cq/core/network.h"

namespace cq {

/// Configuration of a diffusion transformer; the defaults are DiT-XL/2 at 256 pixels.
struct DiTConfig {
  int64_t input_size = 32;
  int64_t patch_size = 2;
  int64_t in_channels = 4;
  int64_t hidden_size = 1152;
  int64_t depth = 28;
  int64_t num_heads = 16;
  double mlp_ratio = 4;
  int64_t num_classes = 1000;  ///< one row more in the table stands for "no class"
  bool learn_sigma = true;
  int64_t time_shift = 0;  ///< frequencies of the time: 10000^(-i / (half - time_shift))
  double mlp_eps = 1e-6;   ///< of the norm before an MLP
};

/// Diffusion transformer with adaLN-Zero (Peebles & Xie 2023, arXiv 2212.09748), names as in the
/// official code. A range of blocks [a, b) is the point `blocks.a-b`, whose value is the
/// difference that the range adds to the stream (Delta-DiT); each block's attention and MLP are the
/// points `blocks.i.attn` and `blocks.i.mlp` before their gates (FORA).
class DiT : public Network {
 public:
  static constexpr const char* name = "dit";
  static constexpr const char* doc = "diffusion transformer with adaLN-Zero";
  static constexpr const char* source = "Peebles & Xie 2023, arXiv 2212.09748";
  using Parameters = DiTConfig;
  static const config::Params<DiTConfig>& parameters();

  DiT(const DiTConfig& config, Weights weights);
  at::Tensor forward(const NetworkInput& in, const Step& step) const override;
  std::vector<Point> points() const override;
  CachePoint cache_point(int64_t branch, const std::vector<int64_t>& blocks) const override;
  bool predicts_variance() const override { return config_.learn_sigma; }

 private:
  struct Block {
    const Unit *modulation, *qkv, *proj, *fc1, *fc2;
    const AttentionUnit* attention;
    Point attention_point, mlp_point;
  };
  Block make_block(const Scope& scope) const;
  at::Tensor run(const Block& block, at::Tensor x, const at::Tensor& c, const Step& step) const;
  at::Tensor run_blocks(at::Tensor x, const at::Tensor& c, const Step& step, int64_t first,
                        int64_t last) const;
  at::Tensor unpatchify(const at::Tensor& tokens, int64_t height, int64_t width) const;

  DiTConfig config_;
  TimestepEmbedding timestep_;
  const Unit *patch_, *time_in_, *time_out_;
  at::Tensor classes_;    ///< [classes + 1, D]
  at::Tensor positions_;  ///< [1, N, D]
  std::vector<Block> blocks_;
  const Unit *final_modulation_, *final_;
};

/// Name of the point that caches the difference over blocks [first, last).
Point block_range_point(int64_t first, int64_t last);

/// Fixed two-dimensional sine-cosine embedding [1, size * size, width] of the official code.
at::Tensor sincos_positions(int64_t size, int64_t width);

}  // namespace cq
