#pragma once
#include <vector>

#include "cq/core/kernels/group_norm.h"
#include "cq/core/kernels/layer_norm.h"
#include "cq/core/quant/code_image.h"
#include "cq/core/quant/quantizer.h"

namespace cq {

/// How one side of a unit's input becomes codes.
struct InputSide {
  QuantRange range;
  int64_t bits = 8;
  bool sums = false;  ///< sums of the rows are wanted
};

/// Norm, modulation, activation, resampling and quantization of a unit's input in one or two
/// passes: codes of each side, laid out for the unit's product. `in` must be channels-last (see
/// dense_input).
std::vector<CodeImage> quantize_input(const Unit& unit, const UnitInput& in,
                                      const std::vector<InputSide>& sides);

/// Whether what a layer reads may come as codes: nothing is computed on it but an activation.
/// `rest` has its other operands.
inline bool takes_codes(const Unit& unit, const UnitInput& rest) {
  return unit.norm.kind == NormKind::none && unit.resample == Resample::none && !unit.is_conv() &&
         unit.seam == 0 && !rest.scale.defined();
}

/// The operands in the layout that kernels read: float32, images channels-last, tokens contiguous,
/// values by channel contiguous along channels.
UnitInput dense_input(const UnitInput& in);

/// What the codes of an operand are the shape of: activated and resampled. Throws RunError naming
/// the layer where no kernel does both a layer norm and resampling.
CodeImage::Shape code_shape(const Unit& unit, const at::Tensor& operand);

/// The unit's group norm, without a workspace: factors go to `factor` and `offset` [B, C].
kernels::GroupNorm group_norm_of(const Unit& unit, const UnitInput& in, const at::Tensor& factor,
                                 const at::Tensor& offset);
/// The unit's layer norm and activation, without an output, for one row to an image.
kernels::LayerNorm layer_norm_of(const Unit& unit, const UnitInput& in);

}  // namespace cq
