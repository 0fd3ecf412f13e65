#include "cq/core/quant/simulated.h"

#include <algorithm>

#include "cq/base/error.h"
#include "cq/core/parallel.h"
#include "cq/core/quant/integer_weights.h"
#include "cq/core/quant/ranges.h"
#include "cq/core/quant/sliced_attention.h"

namespace cq {

namespace {

constexpr int64_t kBoundaryBits = 8;
/// Weights that a thread takes at least.
constexpr int64_t kWeightsEach = 32768;

/// As `dequantize_weight`, in one pass over memory on a CPU.
at::Tensor floats_of(const at::Tensor& codes, const WeightRanges& grid) {
  if (!codes.device().is_cpu()) return dequantize_weight(codes, grid);
  const auto weight = at::empty(codes.sizes(), codes.options().dtype(at::kFloat));
  const auto scales = grid.scale.contiguous(), zeros = grid.zero_point.contiguous();
  const int64_t rows = codes.size(0), columns = rows > 0 ? codes.numel() / rows : 0;
  const auto* from = codes.const_data_ptr<uint8_t>();
  auto* to = weight.data_ptr<float>();
  const int64_t grain = std::max<int64_t>(1, kWeightsEach / std::max<int64_t>(1, columns));
  parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      const float scale = scales.const_data_ptr<float>()[o];
      const float zero = zeros.const_data_ptr<float>()[o];
      for (int64_t i = o * columns; i < (o + 1) * columns; ++i) {
        to[i] = (float(from[i]) - zero) * scale;
      }
    }
  });
  return weight;
}

}  // namespace

const config::Params<QuantParameters>& quant_parameters() {
  using Q = QuantParameters;
  static const auto params =
      config::Params<Q>()
          .field("name", &Q::name,
                 "the option of the group, as reports call it; none: full precision")
          .field("weight_bits", &Q::weight_bits, "bits of weights", {2, 8}, "bits")
          .field("act_bits", &Q::act_bits, "bits of activations", {2, 8}, "bits")
          .field("softmax_bits", &Q::softmax_bits, "bits of attention weights", {2, 8}, "bits")
          .field("weight_symmetric", &Q::weight_symmetric, "weight ranges symmetric about zero")
          .field("execution", &Q::execution, "how quantized layers are computed")
          .choices({"simulated", "integer"})
          .field("recompute_samples", &Q::recompute_samples,
                 "samples that calibrate a step that recomputes", {1, 100000})
          .field("cached_samples", &Q::cached_samples, "samples that calibrate a cached step",
                 {1, 100000});
  return params;
}

int64_t weight_bits(const Unit& unit, const QuantParameters& q) {
  return unit.boundary ? kBoundaryBits : q.weight_bits;
}

int64_t act_bits(const Unit& unit, const QuantParameters& q) {
  return unit.boundary ? kBoundaryBits : q.act_bits;
}

int64_t sides(const Unit& unit) {
  return unit.seam > 0 ? 2 : 1;
}

std::pair<int64_t, int64_t> side_channels(const Unit& unit, int64_t side) {
  if (unit.seam == 0) return {0, unit.in_channels()};
  return side == 0 ? std::pair{int64_t(0), unit.seam}
                   : std::pair{unit.seam, unit.in_channels() - unit.seam};
}

at::Tensor side_input(const Unit& unit, const at::Tensor& x, int64_t side) {
  if (unit.seam == 0) return x;
  const auto [first, count] = side_channels(unit, side);
  return x.narrow(1, first, count);
}

at::Tensor side_weight(const Unit& unit, int64_t side) {
  if (unit.seam == 0) return unit.weight.detach();
  const auto [first, count] = side_channels(unit, side);
  return unit.weight.detach().narrow(1, first, count);
}

std::string act_key(const Unit& unit, int64_t side) {
  return fmt::format("act.{}.{}", unit.name, side);
}
std::string weight_key(const Unit& unit, int64_t side) {
  return fmt::format("weight.{}.{}", unit.name, side);
}
std::string attention_key(const AttentionUnit& unit, char operand) {
  return fmt::format("attention.{}.{}", unit.name, operand);
}

SimulatedExecutor::SimulatedExecutor(const Network& network, const QuantParameters& quant,
                                     const Calibration& calibration, const Corrections& corrections)
    : quant_(quant), corrections_(on_device(corrections, network.device())) {
  for (const auto& unit : network.weights().units()) {
    auto& state = units_.emplace_back();
    for (int64_t side = 0; side < sides(unit); ++side) {
      const auto ranges = read_weight_ranges(calibration, unit, side);
      const auto codes = weight_codes(calibration, unit, side, ranges, weight_bits(unit, quant));
      state.sides.push_back(
          {codes.contiguous(), ranges, read_ranges(calibration, act_key(unit, side))});
    }
    const auto correction = corrections_.outputs.find(unit.id);
    if (correction != corrections_.outputs.end()) state.correction = &correction->second;
  }
  attentions_ = read_attention_ranges(network, calibration);
  if (calibration.contains("feature")) feature_ = read_ranges(calibration, "feature");
}

at::Tensor SimulatedExecutor::side_product(const Unit& unit, const at::Tensor& x, int64_t side,
                                           int64_t step) const {
  const auto& s = units_[size_t(unit.id)].sides[size_t(side)];
  const auto rounded = fake_quantize(x, s.ranges[size_t(step)], act_bits(unit, quant_));
  return unit_product(unit, rounded, floats_of(s.codes, s.grid), {});
}

at::Tensor SimulatedExecutor::run(const Unit& unit, const UnitInput& in, int64_t step) const {
  const auto& state = units_[size_t(unit.id)];
  const auto x = unit_prologue(unit, in);
  auto y = side_product(unit, side_input(unit, x, 0), 0, step);
  if (state.correction) {
    y = apply_affine(y, state.correction->slope[step], state.correction->offset[step]);
  }
  if (sides(unit) == 2) y = y + side_product(unit, side_input(unit, x, 1), 1, step);
  if (unit.bias.defined()) {
    y = y + (unit.is_conv() ? unit.bias.view({1, -1, 1, 1}) : unit.bias);
  }
  return unit_epilogue(y, in);
}

at::Tensor SimulatedExecutor::attention(const AttentionUnit& unit, const at::Tensor& q,
                                        const at::Tensor& k, const at::Tensor& v,
                                        int64_t step) const {
  const auto& ranges = attentions_[size_t(unit.id)];
  const auto round = [&](const at::Tensor& x, size_t i, int64_t bits) {
    return fake_quantize(x, ranges[i][size_t(step)], bits);
  };
  return sliced_attention(round(q, 0, quant_.act_bits), round(k, 1, quant_.act_bits),
                          round(v, 2, quant_.act_bits), unit.heads, [&](const at::Tensor& weights) {
                            return round(weights, 3, quant_.softmax_bits);
                          });
}

std::string SimulatedExecutor::describe(const Unit& unit) const {
  return fmt::format("float32, operands rounded to grids of {} (input) and {} bits (weights)",
                     act_bits(unit, quant_), weight_bits(unit, quant_));
}

std::string SimulatedExecutor::describe(const AttentionUnit&) const {
  return fmt::format("float32, operands rounded to grids of {} bits, softmax of {}",
                     quant_.act_bits, quant_.softmax_bits);
}

at::Tensor SimulatedExecutor::keep(const at::Tensor& value, int64_t step) const {
  if (feature_.empty()) return value;
  return fake_quantize(value, feature_[size_t(step)], kFeatureBits);
}

}  // namespace cq
