#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cq/config/registry.h"
#include "cq/core/step.h"
#include "cq/core/weights.h"

namespace cq {

/// A network that turns images or texts into features; metrics compare those. A model of its own.
class FeatureEncoder {
 public:
  using Named = std::map<std::string, at::Tensor>;
  /// An array that the network takes, batch first: float32, int64 or uint8.
  struct Input {
    std::string name;
    int64_t dimensions = 0;
    at::ScalarType type = at::kFloat;
  };

  explicit FeatureEncoder(Weights weights) : weights_(std::move(weights)) {}
  virtual ~FeatureEncoder() = default;
  FeatureEncoder(const FeatureEncoder&) = delete;
  FeatureEncoder& operator=(const FeatureEncoder&) = delete;

  virtual std::vector<Input> inputs() const = 0;
  /// The outputs of those inputs that are given, by name. Throws UsageError for shapes that the
  /// network cannot take.
  virtual Named encode(const Named& inputs, const Step& step) const = 0;
  /// Beginnings of names that checkpoints hold beside the network's own.
  virtual std::vector<std::string> ignored() const { return {}; }

  Weights& weights() { return weights_; }
  const Weights& weights() const { return weights_; }

 private:
  Weights weights_;
};

using FeatureEncoderRegistry = config::Registry<FeatureEncoder, Weights>;
/// Encoders that `model.encoder.kind` can name.
const FeatureEncoderRegistry& encoder_registry();

}  // namespace cq
