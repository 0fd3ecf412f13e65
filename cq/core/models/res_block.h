#pragma once
#include "cq/core/layers/make.h"
#include "cq/core/step.h"

namespace cq {

/// Names of a residual block's layers in a checkpoint.
struct ResBlockNames {
  const char *norm1, *conv1, *embedding, *norm2, *conv2, *shortcut;
  /// CompVis' openaimodel.ResBlock.
  static ResBlockNames compvis() {
    return {"in_layers.0",  "in_layers.2",  "emb_layers.1",
            "out_layers.0", "out_layers.3", "skip_connection"};
  }
  /// The code of DDIM.
  static ResBlockNames ddpm() {
    return {"norm1", "conv1", "temb_proj", "norm2", "conv2", "nin_shortcut"};
  }
};

struct ResBlockConfig {
  int64_t in = 0;  ///< channels, both halves of the concatenation together
  int64_t out = 0;
  int64_t embedding = 0;  ///< width of the time embedding
  int64_t seam = 0;       ///< channels before the skip connection's, 0 where there is none
  bool scale_shift = false;
  Resample resample = Resample::none;
  double eps = 1e-5;
  ResBlockNames names = ResBlockNames::compvis();
};

/// Residual block of the UNets of LDM and DDPM.
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

/// Throws UsageError unless height and width of x [B, C, H, W] can be halved on all but one level.
void check_divisible(const char* network, const at::Tensor& x, size_t levels);

}  // namespace cq
