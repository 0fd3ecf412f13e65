#pragma once
#include <array>
#include <memory>
#include <vector>

#include "cq/core/kernels/device_kernels.h"
#include "cq/core/quant/device_layer.h"
#include "cq/core/quant/integer_weights.h"
#include "cq/core/quant/simulated.h"

namespace cq {

/// What IntegerExecutor computes, on an accelerator: the weights' codes, ranges and corrections are
/// moved to the device of the network's weights, where `kernels` must work.
class DeviceIntegerExecutor : public QuantizedExecutor {
 public:
  /// Throws RunError as IntegerExecutor does.
  DeviceIntegerExecutor(const Network& network, const QuantParameters& quant,
                        const Calibration& calibration, const Corrections& corrections,
                        std::unique_ptr<kernels::DeviceKernels> kernels);
  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override;
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override;
  at::Tensor run_pair(const Unit& first, const UnitInput& in, const Unit& second,
                      const UnitInput& rest, int64_t step) const override;
  at::Tensor self_attention(const Unit& qkv, const UnitInput& in, const AttentionUnit& unit,
                            const Projection& out, int64_t step) const override;
  at::Tensor projected_attention(const AttentionUnit& unit, const at::Tensor& q,
                                 const at::Tensor& k, const at::Tensor& v, const Projection& out,
                                 int64_t step) const override;
  std::string describe(const Unit& unit) const override;
  std::string describe(const AttentionUnit& unit) const override;
  at::Tensor keep(const at::Tensor& value, int64_t step) const override;

 private:
  struct Side {
    WeightRows weight;
    std::vector<QuantRange> ranges;  ///< by step
  };
  struct UnitState {
    std::vector<Side> sides;
    at::Tensor slope, offset;  ///< [T, O] of an error correction, or undefined
  };
  using Coded = std::array<HeadCodes, 3>;
  std::vector<InputSide> input_sides(const Unit& unit, int64_t step) const;
  std::vector<DeviceSide> product_sides(const Unit& unit, const std::vector<CodeImage>& codes,
                                        int64_t step) const;
  AttentionRanges ranges_of(const AttentionUnit& unit, int64_t step) const;
  /// What attention gives to its projection, where that takes codes; the sums must be made 0.
  std::vector<CodeImage> projected_codes(const Projection& out, const at::Tensor& tokens,
                                         int64_t step) const;
  at::Tensor project(const AttentionUnit& unit, const Coded& tokens, const Projection& out,
                     const std::vector<CodeImage>& codes, int64_t step) const;

  std::unique_ptr<kernels::DeviceKernels> kernels_;
  QuantParameters quant_;
  std::vector<UnitState> units_;
  std::vector<std::array<std::vector<QuantRange>, 4>> attentions_;
  std::vector<QuantRange> feature_;
};

}  // namespace cq
