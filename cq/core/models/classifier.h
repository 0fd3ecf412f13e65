#pragma once
#include <string>
#include <utility>
#include <vector>

#include "cq/config/params.h"
#include "cq/core/layers/make.h"

namespace cq {

struct ClassifierConfig {
  std::vector<int64_t> widths{32, 64, 128, 256};
  int64_t classes = 10;
};

/// Small residual network for 32 x 32 images: the feature network of the embedded metrics.
/// Batch norm uses its running statistics outside training, so that a feature depends on its image
/// alone.
class Classifier {
 public:
  struct Output {
    at::Tensor features;  ///< [B, last width], average pool
    at::Tensor logits;    ///< [B, classes]
  };
  static const config::Params<ClassifierConfig>& parameters();

  Classifier(const ClassifierConfig& config, Weights weights);
  /// images [B, 3, 32, 32] in -1..1. `training` normalises by the batch and updates the running
  /// statistics.
  Output forward(const at::Tensor& images, bool training = false) const;
  /// Means and variances of the batch norms, which training updates outside the gradients.
  std::vector<std::pair<std::string, at::Tensor>> running_statistics() const;
  Weights& weights() { return weights_; }
  const Weights& weights() const { return weights_; }
  int64_t classes() const { return classes_; }

 private:
  /// Convolution without bias, 2x2 max-pool where a stage begins, batch norm, SiLU.
  struct Layer {
    const Unit* convolution;
    at::Tensor weight, bias, mean, variance;
  };
  struct Stage {
    Layer enter, first, second;
  };
  Layer make_layer(const Scope& scope, int64_t in, int64_t out);
  static at::Tensor run(const Layer& layer, const at::Tensor& x, bool training, bool pool = false);

  int64_t classes_;
  Weights weights_;
  Layer stem_;
  std::vector<Stage> stages_;
  const Unit* head_;
};

}  // namespace cq
