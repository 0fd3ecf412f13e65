#pragma once
#include <array>
#include <memory>
#include <vector>

#include "cq/core/kernels/device_kernels.h"
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
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override;
  at::Tensor store_feature(const at::Tensor& value, int64_t step) const override;

 private:
  struct Side {
    PackedWeight weight;
    std::vector<QuantRange> ranges;  ///< by step
  };
  struct UnitState {
    std::vector<Side> sides;
    const Corrections::Output* correction = nullptr;
  };
  const ProductEngine& engine_;
  QuantParameters quant_;
  std::vector<UnitState> units_;
  std::vector<std::array<std::vector<QuantRange>, 4>> attentions_;
  std::vector<QuantRange> feature_;
  Corrections corrections_;
};

}  // namespace cq
