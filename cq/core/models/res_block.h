#pragma once
#include "cq/core/layers/make.h"
#include "cq/core/step.h"

namespace cq {

struct ResBlockConfig {
  int64_t in = 0;  ///< channels, both halves of the concatenation together
  int64_t out = 0;
  int64_t embedding = 0;  ///< width of the time embedding
  int64_t seam = 0;       ///< channels before the skip connection's, 0 where there is none
  bool scale_shift = false;
  Resample resample = Resample::none;
  double eps = 1e-5;
};

/// Residual block of the LDM UNet, names as in CompVis' openaimodel.ResBlock.
class ResBlock {
 public:
  ResBlock(const Scope& scope, const ResBlockConfig& config);
  /// x [B, C, H, W], skip [B, C', H, W] or undefined, embedding [B, E].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& skip, const at::Tensor& embedding,
                     const Step& step) const;

  /// Units that read the block's input.
  std::vector<int64_t> first_units() const {
    return shortcut_ ? std::vector<int64_t>{in_->id, shortcut_->id} : std::vector<int64_t>{in_->id};
  }

 private:
  ResBlockConfig config_;
  const Unit* in_;         ///< norm, SiLU, convolution
  const Unit* embedding_;  ///< SiLU, linear
  const Unit* out_;        ///< norm, (scale and shift,) SiLU, convolution
  const Unit* shortcut_ = nullptr;
};

}  // namespace cq
