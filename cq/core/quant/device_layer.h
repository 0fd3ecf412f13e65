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
/// `cleared`, where given, are sums as many as positions that are made 0 on the way.
std::vector<CodeImage> device_input(const kernels::DeviceKernels& kernels, const Unit& unit,
                                    const UnitInput& in, const std::vector<InputSide>& sides,
                                    int32_t* cleared = nullptr);

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

/// As integer_product_to_codes: each sink takes an equal part of the outputs, through `act`. The
/// sums of rows, where wanted, of one sink only, must be 0 before. Layers of one side.
void device_product_to_codes(const kernels::DeviceKernels& kernels, const Unit& unit,
                             const DeviceSide& side, Activation act,
                             const std::vector<kernels::CodeColumns>& sinks);

/// Codes of floats [B, N, H d], which may be a part of longer tokens, each head's part as a row of
/// its own.
void encode_heads(const kernels::DeviceKernels& kernels, const at::Tensor& tokens, int64_t heads,
                  const kernels::CodeOutput& out);

/// Tokens [B, N, H d] as an attention on the chip reads them: u8 [B, N, H, d rounded up], keys and
/// values less 128.
class HeadCodes {
 public:
  enum class Role { queries, keys, values };
  HeadCodes(Role role, at::IntArrayRef sizes, int64_t heads, const at::Device& device);
  const at::Tensor& codes() const { return codes_; }
  int64_t width() const { return width_; }
  /// Where a product puts them.
  kernels::CodeColumns columns(const kernels::CodeRange& range) const;

 private:
  int64_t width_;
  bool as_signed_;
  at::Tensor codes_;
};

/// Tokens may be a part of longer ones.
HeadCodes quantize_heads(const kernels::DeviceKernels& kernels, HeadCodes::Role role,
                         const at::Tensor& tokens, int64_t heads, const kernels::CodeRange& range);

/// Whether scores of heads so wide stay on the chip.
bool attends_on_chip(int64_t channels, int64_t heads);

/// As integer_attention, of codes, scores staying on the chip: floats [B, N, H d], or codes.
at::Tensor device_attention(const kernels::DeviceKernels& kernels, const HeadCodes& q,
                            const HeadCodes& k, const HeadCodes& v, const AttentionRanges& ranges);
void device_attention_to_codes(const kernels::DeviceKernels& kernels, const HeadCodes& q,
                               const HeadCodes& k, const HeadCodes& v,
                               const AttentionRanges& ranges, const kernels::CodeOutput& out);

/// As integer_attention, of floats, on the chip where that goes.
at::Tensor device_attention(const kernels::DeviceKernels& kernels, const at::Tensor& q,
                            const at::Tensor& k, const at::Tensor& v, int64_t heads,
                            const AttentionRanges& ranges);

/// The same of heads of any width, through memory: scores of as many images at once as fit into
/// 256 MB, of one at least.
at::Tensor device_attention_by_scores(const kernels::DeviceKernels& kernels, const at::Tensor& q,
                                      const at::Tensor& k, const at::Tensor& v, int64_t heads,
                                      const AttentionRanges& ranges);

}  // namespace cq
