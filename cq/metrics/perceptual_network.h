#pragma once
#include <string>

#include "cq/core/tensor.h"

namespace cq {

/// A network that tells how different two images look.
class PerceptualNetwork {
 public:
  virtual ~PerceptualNetwork() = default;

  /// "alex", "vgg": what figures are labelled with.
  virtual std::string name() const = 0;
  /// SHA-256 of the weights, hexadecimal.
  virtual std::string weights_hash() const = 0;
  /// Both uint8 [n, height, width, 3] of one shape; returns float64 [n].
  virtual at::Tensor distance(const at::Tensor& images, const at::Tensor& references) const = 0;
};

}  // namespace cq
