#pragma once
#include <map>
#include <string>
#include <vector>

#include "cq/config/params.h"
#include "cq/core/cache.h"
#include "cq/core/correction.h"
#include "cq/core/quant/quantizer.h"

namespace cq {

/// The `quant` group.
struct QuantParameters {
  std::string name = "none";
  int64_t weight_bits = 8;
  int64_t act_bits = 8;
  int64_t softmax_bits = 8;
  bool weight_symmetric = false;
  std::string execution = "simulated";
  int64_t recompute_samples = 64;  ///< of them, for steps that recompute
  int64_t cached_samples = 32;     ///< of them, for the others
  bool enabled() const { return name != "none"; }
};
const config::Params<QuantParameters>& quant_parameters();

/// Bits of a unit's weight and input: 8 for the first and last layer whatever `quant` says.
int64_t weight_bits(const Unit& unit, const QuantParameters& q);
int64_t act_bits(const Unit& unit, const QuantParameters& q);

/// Sides of a unit: 2 where its input is a skip concatenation, each with its own quantizers.
int64_t sides(const Unit& unit);
/// Channels [first, first + count) of side `side` of the input.
std::pair<int64_t, int64_t> side_channels(const Unit& unit, int64_t side);
/// The part of x (after the prologue) or of the weight that belongs to a side.
at::Tensor side_input(const Unit& unit, const at::Tensor& x, int64_t side);
at::Tensor side_weight(const Unit& unit, int64_t side);

/// Ranges of everything that is quantized, by name, as tensors that a stage stores:
/// `act.<unit>.<side>` [T, 2] (scale, zero point), `weight.<unit>.<side>` [2, O],
/// `attention.<unit>.<q|k|v|p>` [T, 2], `feature` [T, 2] for the kept feature.
using Calibration = std::map<std::string, at::Tensor>;

std::string act_key(const Unit& unit, int64_t side);
std::string weight_key(const Unit& unit, int64_t side);
std::string attention_key(const AttentionUnit& unit, char operand);

/// Bits that a cached feature is kept in.
inline constexpr int64_t kFeatureBits = 8;

/// Execution that keeps cached features in 8 bits, at the range of the step that computed them.
class QuantizedExecutor : public LayerExecutor, public FeatureKeeper {};

/// Quantized execution in floating point: every product sees operands rounded to their grids.
class SimulatedExecutor : public QuantizedExecutor {
 public:
  /// Throws RunError naming the layer whose ranges are missing or unusable.
  SimulatedExecutor(const Network& network, const QuantParameters& quant,
                    const Calibration& calibration, const Corrections& corrections = {});
  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override;
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override;

  std::string describe(const Unit& unit) const override;
  std::string describe(const AttentionUnit& unit) const override;

  /// The product of one side with quantized operands, before any correction; x is that side's.
  at::Tensor side_product(const Unit& unit, const at::Tensor& x, int64_t side, int64_t step) const;
  /// Floating point on the 8-bit grid.
  at::Tensor keep(const at::Tensor& value, int64_t step) const override;

 private:
  /// Weights are held as codes, a quarter of their floats, and made floats where they are used: the
  /// network holds the floats that they are from, and large ones fit in memory once.
  struct Side {
    at::Tensor codes;                ///< u8, contiguous, in the weight's shape
    WeightRanges grid;               ///< of the codes
    std::vector<QuantRange> ranges;  ///< of the input, by step
  };
  struct UnitState {
    std::vector<Side> sides;
    const Corrections::Output* correction = nullptr;
  };
  QuantParameters quant_;
  std::vector<UnitState> units_;
  std::vector<std::array<std::vector<QuantRange>, 4>> attentions_;
  std::vector<QuantRange> feature_;
  Corrections corrections_;
};

}  // namespace cq
