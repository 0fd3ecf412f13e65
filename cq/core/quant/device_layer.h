#pragma once
// A layer of integer execution on an accelerator, through the kernels of
// cq/core/kernels/device_kernels.h. Tensors are on the device that the kernels work on; nothing
// waits for it.
#include <vector>

#include "cq/core/kernels/device_kernels.h"
#include "cq/core/quant/code_image.h"
#include "cq/core/quant/integer_attention.h"
#include "cq/core/quant/integer_input.h"
#include "cq/core/quant/integer_product.h"
#include "cq/core/quant/integer_weights.h"

namespace cq {

/// As quantize_input: codes of each side, in images on the device of the input.
std::vector<CodeImage> device_input(const kernels::DeviceKernels& kernels, const Unit& unit,
                                    const UnitInput& in, const std::vector<InputSide>& sides);

/// One side of a layer's product, as ProductSide.
struct DeviceSide {
  const WeightRows* weight = nullptr;
  const CodeImage* codes = nullptr;
  QuantRange range;               ///< of the codes
  const float* slope = nullptr;   ///< [O] of the device, or null
  const float* offset = nullptr;  ///< [O], with slope
};

/// As integer_product. Weights are rounded up to kernels::kDeviceDepth, as device_input's codes
/// are.
at::Tensor device_product(const kernels::DeviceKernels& kernels,
                          const std::vector<DeviceSide>& sides, const ProductEnd& end);

/// As integer_attention. Scores of as many images at once as fit into 256 MB, of one at least.
at::Tensor device_attention(const kernels::DeviceKernels& kernels, const at::Tensor& q,
                            const at::Tensor& k, const at::Tensor& v, int64_t heads,
                            const AttentionRanges& ranges);

}  // namespace cq
