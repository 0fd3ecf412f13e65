#pragma once
// Builders of units: shapes, names and initial values in one place.
#include <string>
#include <vector>

#include "cq/core/weights.h"

namespace cq {

/// Affine group norm named `child`; [C] weight and bias.
Norm make_group_norm(const Scope& scope, std::string_view child, int64_t channels, double eps,
                     int64_t groups = 32);
/// Affine layer norm named `child`.
Norm make_layer_norm(const Scope& scope, std::string_view child, int64_t channels, double eps);
/// Layer norm without an affine part (DiT).
Norm plain_layer_norm(double eps);

struct ConvOptions {
  Norm norm = {};
  Activation act = Activation::none;
  Resample resample = Resample::none;
  ConvGeometry geometry = {};
  int64_t seam = 0;
  bool zero_init = false;
  bool boundary = false;
  bool bias = true;
};

/// Convolution `child`.{weight,bias} with a square kernel.
const Unit* make_conv(const Scope& scope, std::string_view child, int64_t in, int64_t out,
                      int64_t kernel, ConvOptions options = {});
/// 3x3, stride 1, padding 1.
ConvGeometry same_3x3();

struct LinearOptions {
  Norm norm = {};
  Activation act = Activation::none;
  bool zero_init = false;
  bool boundary = false;
  bool embedding = false;
  bool bias = true;
};

/// Linear layer `child`.{weight,bias}.
const Unit* make_linear(const Scope& scope, std::string_view child, int64_t in, int64_t out,
                        LinearOptions options = {});
/// Several linear layers with the same input as one unit: rows of one weight, without bias.
const Unit* make_linear_rows(const Scope& scope, const std::vector<std::string>& children,
                             int64_t in, int64_t out_each, Norm norm = {});

/// Several 1x1 convolutions of the same input as one unit, with biases.
const Unit* make_conv_rows(const Scope& scope, const std::vector<std::string>& children, int64_t in,
                           int64_t out_each, Norm norm = {});

}  // namespace cq
