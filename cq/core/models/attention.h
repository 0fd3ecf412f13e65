#pragma once
#include "cq/core/layers/make.h"
#include "cq/core/step.h"

namespace cq {

/// Attention over positions, as in CompVis' openaimodel.AttentionBlock: qkv is split by head first,
/// then into q, k and v inside each head.
class AttentionBlock {
 public:
  AttentionBlock(const Scope& scope, int64_t channels, int64_t heads);
  /// [B, C, H, W] -> [B, C, H, W].
  at::Tensor forward(const at::Tensor& x, const Step& step) const;

 private:
  int64_t heads_;
  const Unit* qkv_;
  const AttentionUnit* attention_;
  const Unit* out_;
};

struct TransformerConfig {
  int64_t channels = 0;
  int64_t heads = 1;
  int64_t context = 0;  ///< width of the context of the cross-attention
  int64_t depth = 1;
};

/// Transformer over positions with cross-attention to a context, as in CompVis' SpatialTransformer.
class SpatialTransformer {
 public:
  SpatialTransformer(const Scope& scope, const TransformerConfig& config);
  /// x [B, C, H, W], context [B, M, D].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& context, const Step& step) const;

 private:
  struct Block {
    const Unit *self_qkv, *self_out;
    const Unit *cross_q, *cross_kv, *cross_out;
    const Unit *feed_in, *feed_out;
    const AttentionUnit *self, *cross;
  };
  static Block make_block(const Scope& scope, const TransformerConfig& config);
  static at::Tensor run(const Block& block, at::Tensor x, const at::Tensor& context,
                        const Step& step);

  const Unit* in_;
  std::vector<Block> blocks_;
  const Unit* out_;
};

}  // namespace cq
