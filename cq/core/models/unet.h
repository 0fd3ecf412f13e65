#pragma once
#include <map>
#include <optional>
#include <vector>

#include "cq/config/params.h"
#include "cq/core/models/attention.h"
#include "cq/core/models/res_block.h"
#include "cq/core/network.h"

namespace cq {

/// Configuration of the UNet of latent diffusion models; docs/models.md has those of the papers.
struct UNetConfig {
  int64_t in_channels = 4;
  int64_t out_channels = 4;
  int64_t model_channels = 320;
  std::vector<int64_t> channel_mult{1, 2, 4, 4};
  int64_t num_res_blocks = 2;
  std::vector<int64_t> attention_resolutions{4, 2, 1};  ///< downsampling factors with attention
  int64_t num_heads = 8;
  int64_t num_head_channels = 0;  ///< > 0: heads = channels / this
  bool use_spatial_transformer = true;
  int64_t transformer_depth = 1;
  int64_t context_dim = 768;
  bool use_scale_shift_norm = false;
  bool resblock_updown = false;
  bool middle = true;  ///< blocks below the deepest level (BK-SDM-Small and -Tiny have none)
};

/// UNet of LDM and Stable Diffusion, names as in CompVis' openaimodel.UNetModel.
///
/// Input block i feeds output block L-1-i, so the network is a recursion: level i computes its skip
/// connection, descends, and joins the two. The value that comes back from below level i is the
/// point `cut.i`; DeepCache's branch r caches `cut.r`, the output of output_blocks[L-2-r].
class UNet : public Network {
 public:
  static constexpr const char* name = "unet";
  static constexpr const char* doc = "UNet of latent diffusion models and Stable Diffusion";
  static constexpr const char* source = "Rombach et al. 2022, arXiv 2112.10752";
  using Parameters = UNetConfig;
  static const config::Params<UNetConfig>& parameters();

  UNet(const UNetConfig& config, Weights weights);
  at::Tensor forward(const NetworkInput& in, const Step& step) const override;
  std::vector<Point> points() const override { return cuts_; }
  CachePoint cache_point(int64_t branch, const std::vector<int64_t>& blocks) const override;
  bool predicts_variance() const override {
    return config_.out_channels == 2 * config_.in_channels;
  }

 private:
  /// Whatever stands in one of the checkpoint's sequential blocks.
  struct Block {
    const Unit* convolution = nullptr;  ///< input_blocks.0, or downsampling
    std::optional<ResBlock> res;
    std::optional<AttentionBlock> attention;
    std::optional<SpatialTransformer> transformer;
    std::optional<ResBlock> up_res;
    const Unit* up_convolution = nullptr;
  };
  struct Call {
    at::Tensor embedding, context;
    const Step* step;
  };
  void build_down(const Scope& scope);
  void build_middle(const Scope& scope);
  void build_up(const Scope& scope);
  void add_attention(Block& block, const Scope& scope, int64_t child, int64_t channels) const;
  ResBlockConfig res(int64_t in, int64_t out, int64_t seam = 0) const;
  bool has_attention(int64_t factor) const;
  at::Tensor run(const Block& block, at::Tensor h, const at::Tensor& skip, const Call& call) const;
  at::Tensor descend(size_t level, const at::Tensor& h, const Call& call) const;

  UNetConfig config_;
  TimestepEmbedding timestep_;
  const Unit *time_in_, *time_out_;
  std::vector<Block> down_, up_;
  std::vector<int64_t> skip_channels_;
  std::vector<Block> middle_;
  const Unit* out_;
  std::vector<Point> cuts_;
};

}  // namespace cq
