#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "cq/core/tensor.h"

namespace cq {

/// What a feature network makes of a batch of images.
struct Features {
  at::Tensor features;  // [n, D] float32
  at::Tensor logits;    // [n, classes] float32; undefined where the network has no classes
  at::Tensor spatial;   // [n, S] float32; undefined where the network has no features of sFID
};

/// A network whose features metrics are taken on.
class FeatureNetwork {
 public:
  virtual ~FeatureNetwork() = default;

  /// "cifar", "inception", "clip": what figures are labelled with.
  virtual std::string name() const = 0;
  /// SHA-256 of the weights, hexadecimal.
  virtual std::string weights_hash() const = 0;
  /// How images of another size are brought to the network's: "none", "pytorch-fid", "adm", ...
  virtual std::string resize() const = 0;
  virtual bool has_logits() const = 0;
  virtual bool has_spatial() const { return false; }
  virtual bool has_text() const { return false; }
  /// Features of an image: D.
  virtual int64_t width() const = 0;
  /// UsageError where the network does not take images of this size.
  virtual void check_image_size(int64_t /*height*/, int64_t /*width*/) const {}
  /// images: uint8 [n, height, width, 3]. RunError where the network's output is not finite.
  virtual Features compute(const at::Tensor& images) = 0;

  /// Features [n, D] of texts in the space of the images': tokens [n, text_length()] int64. Only
  /// where has_text(). UsageError for tokens that the network does not know.
  virtual at::Tensor compute_text(const at::Tensor&) {
    throw std::logic_error(name() + " has no text features");
  }

  virtual int64_t text_length() const { return 0; }

  /// The features' part of a metric's protocol.
  nlohmann::ordered_json protocol() const {
    return {{"network", name()}, {"weights_sha256", weights_hash()}, {"resize", resize()}};
  }
};

}  // namespace cq
