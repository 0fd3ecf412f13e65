#pragma once
#include <optional>
#include <vector>

#include "cq/config/params.h"
#include "cq/core/models/res_block.h"
#include "cq/core/network.h"

namespace cq {

/// Configuration of the UNet of DDPM; the defaults are CIFAR-10's.
struct DdpmConfig {
  int64_t in_channels = 3;
  int64_t out_channels = 3;
  int64_t channels = 128;
  std::vector<int64_t> channel_mult{1, 2, 2, 2};
  int64_t num_res_blocks = 2;
  std::vector<int64_t> attention_resolutions{2};  ///< downsampling factors with attention
};

/// UNet of DDPM, names as in the code of DDIM (models/diffusion.py).
///
/// The skip connections are a stack, so the network is a recursion as UNet is: place i takes skip
/// connection i, and the value that comes back from below it is the point `cut.i`. Branch b of
/// DeepCache and CacheQuant is `cut.(b+1)`: branch 2 on CIFAR-10 caches what up.1.block.2 reads.
class DdpmUNet : public Network {
 public:
  static constexpr const char* name = "ddpm";
  static constexpr const char* doc = "UNet of DDPM on pixels";
  static constexpr const char* source = "Ho et al. 2020, arXiv 2006.11239";
  using Parameters = DdpmConfig;
  static const config::Params<DdpmConfig>& parameters();

  DdpmUNet(const DdpmConfig& config, Weights weights);
  at::Tensor forward(const NetworkInput& in, const Step& step) const override;
  std::vector<Point> points() const override { return cuts_; }
  CachePoint cache_point(int64_t branch, const std::vector<int64_t>& blocks) const override;

 private:
  /// Attention over all positions with one head.
  struct Attention {
    const Unit *qkv, *out;
    const AttentionUnit* product;
  };
  /// What makes one skip connection on the way down, or takes one on the way up.
  struct Place {
    const Unit* convolution = nullptr;  ///< conv_in, or downsampling
    std::optional<ResBlock> res;
    std::optional<Attention> attention;
    const Unit* up_convolution = nullptr;
  };
  static Attention make_attention(const Scope& scope, int64_t channels);
  static at::Tensor run(const Attention& attention, const at::Tensor& x, const Step& step);
  static at::Tensor run(const Place& place, at::Tensor h, const at::Tensor& skip,
                        const at::Tensor& embedding, const Step& step);
  void build_down(const Scope& root);
  void build_up(const Scope& root);
  bool has_attention(int64_t factor) const;
  ResBlockConfig res(int64_t in, int64_t out, int64_t seam = 0) const;
  at::Tensor descend(size_t level, const at::Tensor& h, const at::Tensor& embedding,
                     const Step& step) const;

  DdpmConfig config_;
  TimestepEmbedding timestep_;
  const Unit *time_in_, *time_out_;
  std::vector<Place> down_, middle_, up_;
  std::vector<int64_t> skip_channels_;
  const Unit* out_;
  std::vector<Point> cuts_;
};

}  // namespace cq
