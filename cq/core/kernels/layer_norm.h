#pragma once
// Layer norm, affine part, modulation, activation and quantization in one pass over a row:
//   codes = quantize(act((norm(x) weight + bias) (1 + scale) + shift)).
#include "cq/core/kernels/rows.h"

namespace cq::kernels {

struct LayerNorm {
  Rows<const float> x;
  int64_t channels = 0;
  int64_t rows_per_image = 1;  ///< tokens that share a modulation
  double eps = 1e-5;
  const float* weight = nullptr;  ///< [channels] or null
  const float* bias = nullptr;    ///< [channels] or null
  Rows<const float> scale = {};   ///< [images][channels], both or none
  Rows<const float> shift = {};
  Act act = Act::none;  ///< not geglu
  CodeOutput out;
};

void layer_norm(const LayerNorm& norm, int64_t first, int64_t last);
void layer_norm_reference(const LayerNorm& norm, int64_t first, int64_t last);

}  // namespace cq::kernels
