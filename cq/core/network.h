#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cq/core/step.h"
#include "cq/core/weights.h"

namespace cq {

/// Inputs of a denoiser by the names that `cq-exp probe` uses.
struct NetworkInput {
  at::Tensor x;        ///< [B, C, H, W]
  at::Tensor t;        ///< [B] int64, training timestep
  at::Tensor context;  ///< [B, M, D] for cross-attention, or undefined
  at::Tensor y;        ///< [B] int64 class labels for networks that embed them, or undefined
};

/// A value of a network that a cache keeps.
struct CachePoint {
  Point name;
  std::pair<int64_t, int64_t> blocks{0, 0};  ///< range [first, last) where the point is one
  std::vector<int64_t> consumers = {};       ///< ids of the units whose first operand is the value
  /// Groups of steps that begin at or after `from` keep this point instead (Delta-DiT's stages).
  struct Late {
    Point name;
    std::pair<int64_t, int64_t> blocks{0, 0};
    int64_t from = 0;
  };
  std::optional<Late> late = {};
};

/// A denoising network. Const: the same object serves every cell of an experiment.
class Network {
 public:
  explicit Network(Weights weights) : weights_(std::move(weights)) {}
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// [B, C, H, W] -> [B, out channels, H, W].
  virtual at::Tensor forward(const NetworkInput& in, const Step& step) const = 0;
  /// Points at which a feature can be cached.
  virtual std::vector<Point> points() const = 0;
  /// The point that `cache.branch` (UNet) or `cache.blocks` (DiT, [first, last), empty for the
  /// middle half; numbers below 0, and a last of 0, count from the end) names. Throws UsageError
  /// where the network has no such place.
  virtual CachePoint cache_point(int64_t branch, const std::vector<int64_t>& blocks) const = 0;

  /// Whether the output has twice the channels of x, the second half for a variance.
  virtual bool predicts_variance() const { return false; }

  /// Where its weights are.
  at::Device device() const { return weights_.units().front().weight.device(); }

  Weights& weights() { return weights_; }
  const Weights& weights() const { return weights_; }

 private:
  Weights weights_;
};

/// Sinusoidal embedding [B] -> [B, width] with frequencies 10000^(-i/(half - shift)); the
/// published networks differ in the order of sine and cosine and in `shift` (models.md).
struct TimestepEmbedding {
  int64_t width = 128;
  bool cosine_first = true;
  int64_t shift = 0;
  at::Tensor operator()(const at::Tensor& t) const;
};

}  // namespace cq
