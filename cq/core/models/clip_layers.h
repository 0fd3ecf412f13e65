#pragma once
#include <vector>

#include "cq/core/executor.h"
#include "cq/core/layers/make.h"

namespace cq {

struct ClipLayersConfig {
  int64_t width = 768;
  int64_t layers = 12;
  int64_t heads = 12;
  bool causal = false;  ///< a token sees itself and those before it
};

/// The pre-norm transformer of both of CLIP's towers (Radford et al. 2021, arXiv 2103.00020), with
/// quick-GELU. Names as in Hugging Face's CLIPEncoder.
class ClipLayers {
 public:
  static constexpr double kEps = 1e-5;  ///< of all of CLIP's layer norms

  /// Throws UsageError where the heads do not divide the width.
  ClipLayers(const Scope& scope, const ClipLayersConfig& config);
  /// x [B, N, width] -> the last layer's states, of the same shape.
  at::Tensor forward(at::Tensor x, const Executor& executor) const;

 private:
  struct Block {
    const Unit *qkv, *proj, *fc1, *fc2;
  };
  Block make_block(const Scope& scope) const;
  at::Tensor run(const Block& block, const at::Tensor& x, const Executor& executor) const;

  ClipLayersConfig config_;
  std::vector<Block> blocks_;
};

}  // namespace cq
