#pragma once
// Statistics of a group norm, folded with its affine part and the modulation after it into one
// multiply-add a channel: modulated norm(x)[c] = factor[c] x[c] + offset[c].
#include "cq/core/kernels/rows.h"

namespace cq::kernels {

/// One side of the (never materialised) concatenation that is normalised. Codes are read as
/// slope[c] code + intercept[c] (dequantization and the cache's correction in one), and the
/// resulting factors apply to the codes themselves.
struct NormOperand {
  Values x;
  int64_t channels = 0;
  const float* slope = nullptr;      ///< [channels], with codes
  const float* intercept = nullptr;  ///< [channels], with codes
};

/// Groups run over the channels of both operands and may straddle the seam.
struct GroupNorm {
  NormOperand operands[2] = {};  ///< the second has 0 channels where there is one
  int64_t positions = 0;         ///< rows of an image
  int64_t groups = 0;            ///< divides the channels of both operands together, C
  double eps = 1e-5;
  const float* weight = nullptr;  ///< [C] or null
  const float* bias = nullptr;    ///< [C] or null
  Rows<const float> scale = {};   ///< [images][C]: norm(x) (1 + scale) + shift; both or none
  Rows<const float> shift = {};
  float* moments = nullptr;  ///< workspace of group_norm_workspace() floats
  Rows<float> factor = {};   ///< [images][C]
  Rows<float> offset = {};   ///< [images][C]
  constexpr int64_t channels() const { return operands[0].channels + operands[1].channels; }
};

/// Positions of a part at most: the sums of its codes and of their squares are whole numbers below
/// 2^24, exact in float32.
inline constexpr int64_t kNormPart = 256;
/// Parts that an image's positions are split into: a function of the shape alone, so that results
/// do not depend on threads.
constexpr int64_t group_norm_parts(const GroupNorm& norm) {
  return (norm.positions + kNormPart - 1) / kNormPart;
}
int64_t group_norm_workspace(const GroupNorm& norm, int64_t images);

/// First pass: moments of the parts [first, last), counted image * group_norm_parts() + part.
void group_norm_moments(const GroupNorm& norm, int64_t first, int64_t last);
/// Second pass, over images, when the moments of all their parts are there. In float64.
void group_norm_factors(const GroupNorm& norm, int64_t first, int64_t last);

/// Both in plain C++, float64, straight from the definition: the tests' oracle.
void group_norm_factors_reference(const GroupNorm& norm, int64_t first, int64_t last);

}  // namespace cq::kernels
