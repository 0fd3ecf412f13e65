#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cq/core/models/encoder.h"

namespace cq {

/// Inception v3 with the weights of 2015-12-05 and 1008 outputs, on which FID, sFID, IS, precision
/// and recall are defined (Szegedy et al. 2015, arXiv 1512.00567; Heusel et al. 2017, arXiv
/// 1706.08500). Names as in the PyTorch port of pytorch-fid, which differs from torchvision's
/// network: average pools leave the padding out of their mean, the last block pools by maximum.
class Inception {
 public:
  static constexpr int64_t size = 299;       ///< height and width of its images
  static constexpr int64_t features = 2048;  ///< of pool3
  struct Output {
    at::Tensor pool3;            ///< [B, 2048]
    at::Tensor logits_unbiased;  ///< [B, 1008], pool3 fc.weight^T without the bias
    at::Tensor spatial;          ///< [B, 2023]: 17 x 17 x 7 of Mixed_6d.branch1x1, for sFID
  };

  explicit Inception(Weights& weights);
  /// images [B, 3, 299, 299] in -1..1. Modules' outputs are points by the modules' names.
  Output forward(const at::Tensor& images, const Step& step) const;
  Output forward(const at::Tensor& images) const;

 private:
  /// Convolution, batch norm by running statistics (eps 1e-3), ReLU.
  struct Convolution {
    std::string name;
    at::Tensor weight, scale, shift, mean, variance;
    std::vector<int64_t> stride, padding;
    mutable at::Tensor folded_weight = {}, folded_bias = {};
  };
  using Chain = std::vector<Convolution>;
  struct Branch {
    enum class Pool { none, average, maximum, shrink } pool = Pool::none;
    Chain chain;
    Chain ends;  ///< side by side on the chain's result
  };
  struct Block {
    std::string name;
    std::vector<Branch> branches;
  };
  struct Shape;
  struct BranchShape;
  static Convolution make_convolution(const Scope& scope, const Shape& shape, int64_t in);
  static Block make_block(const Scope& scope, int64_t in, const std::vector<BranchShape>& branches);
  void build_blocks(const Scope& root);

  static at::Tensor run(const Convolution& convolution, const at::Tensor& x, const Step& step);
  static at::Tensor run(const Branch& branch, at::Tensor x, const Step& step);
  static at::Tensor run(const Block& block, const at::Tensor& x, const Step& step);
  void fold() const;

  Chain stem_;
  std::vector<Block> blocks_;
  at::Tensor classes_;  ///< [1008, 2048]
  mutable std::once_flag folded_;
};

struct InceptionParameters {
  std::string resize = "pytorch-fid";
};

/// `cq-exp probe model=inception-v3-fid`: images uint8 [B, H, W, 3] of any size.
class InceptionEncoder : public FeatureEncoder {
 public:
  static constexpr const char* name = "inception";
  static constexpr const char* doc = "Inception v3 of the FID papers";
  static constexpr const char* source = "Heusel et al. 2017, arXiv 1706.08500";
  using Parameters = InceptionParameters;
  static const config::Params<Parameters>& parameters();

  InceptionEncoder(const Parameters& config, Weights weights);
  std::vector<Input> inputs() const override { return {{"images", 4, at::kByte}}; }
  Named encode(const Named& inputs, const Step& step) const override;
  /// Counters of the training's batches.
  std::vector<std::string> ignored() const override { return ignored_; }
  const Inception& network() const { return network_; }

 private:
  Parameters config_;
  Inception network_;
  std::vector<std::string> ignored_;
};

}  // namespace cq
