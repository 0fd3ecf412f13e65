#pragma once
#include <array>
#include <memory>
#include <vector>

#include "cq/core/kernels/device_kernels.h"
#include "cq/core/quant/integer_attention.h"
#include "cq/core/quant/integer_input.h"
#include "cq/core/quant/integer_product.h"
#include "cq/core/quant/integer_weights.h"
#include "cq/core/quant/simulated.h"

namespace cq {

/// Throws UsageError where integer execution does not have the bits of `quant`.
void check_integer_bits(const QuantParameters& quant);

/// The kernels of integer execution for a device other than the CPU. Throws RunError where there
/// are none, saying why.
std::unique_ptr<kernels::DeviceKernels> integer_kernels(const at::Device& device);

/// Integer execution where the network's weights are: IntegerExecutor on the CPU,
/// DeviceIntegerExecutor with integer_kernels() elsewhere. Throws RunError as they do; nothing
/// falls back to another device or to floats.
std::unique_ptr<QuantizedExecutor> make_integer_executor(const Network& network,
                                                         const QuantParameters& quant,
                                                         const Calibration& calibration,
                                                         const Corrections& corrections);

/// Quantized execution in integers, on the CPU: computes what SimulatedExecutor describes, with u8
/// inputs, s8 weights and 32-bit sums. Results do not depend on batch size or threads, bit for bit.
class IntegerExecutor : public QuantizedExecutor {
 public:
  /// Quantizes and packs the network's weights. Throws RunError naming the layer whose ranges are
  /// missing or unusable, that integers cannot compute, or whose weight is not on the CPU.
  IntegerExecutor(const Network& network, const QuantParameters& quant,
                  const Calibration& calibration, const Corrections& corrections = {},
                  const ProductEngine& engine = product_engine());
  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override;
  /// A feed-forward network's hidden values exist as codes only.
  at::Tensor run_pair(const Unit& first, const UnitInput& in, const Unit& second,
                      const UnitInput& rest, int64_t step) const override;
  /// Queries, keys and values exist as codes only, and so does what goes to the projection.
  at::Tensor self_attention(const Unit& qkv, const UnitInput& in, const AttentionUnit& unit,
                            const Projection& out, int64_t step) const override;
  at::Tensor projected_attention(const AttentionUnit& unit, const at::Tensor& q,
                                 const at::Tensor& k, const at::Tensor& v, const Projection& out,
                                 int64_t step) const override;
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override;
  std::string describe(const Unit& unit) const override;
  std::string describe(const AttentionUnit& unit) const override;
  /// Codes, of the value's shape and layout; one byte where the value has four.
  at::Tensor keep(const at::Tensor& value, int64_t step) const override;
  at::Tensor read(const at::Tensor& kept, int64_t step, const at::Tensor& slope,
                  const at::Tensor& offset) const override;

 private:
  struct Side {
    PackedWeight weight;
    std::vector<QuantRange> ranges;  ///< by step
  };
  struct UnitState {
    std::vector<Side> sides;
    const Corrections::Output* correction = nullptr;
  };
  /// Queries, keys and values.
  using Coded = std::array<CodedTokens, 3>;
  at::Tensor project(const AttentionUnit& unit, const Coded& tokens, const Projection& out,
                     int64_t step) const;
  AttentionRanges ranges_of(const AttentionUnit& unit, int64_t step) const;
  std::vector<InputSide> input_sides(const Unit& unit, int64_t step) const;
  std::vector<ProductSide> product_sides(const Unit& unit, const std::vector<CodeImage>& codes,
                                         int64_t step) const;

  const ProductEngine& engine_;
  HugeMemory memory_;  ///< of the packed weights
  QuantParameters quant_;
  std::vector<UnitState> units_;
  std::vector<std::array<std::vector<QuantRange>, 4>> attentions_;
  std::vector<QuantRange> feature_;
  Corrections corrections_;
};

}  // namespace cq
