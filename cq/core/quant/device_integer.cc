#include "cq/core/quant/device_integer.h"

#include "cq/core/quant/device_layer.h"
#include "cq/core/quant/integer.h"
#include "cq/core/quant/ranges.h"

namespace cq {

DeviceIntegerExecutor::DeviceIntegerExecutor(const Network& network, const QuantParameters& quant,
                                             const Calibration& calibration,
                                             const Corrections& corrections,
                                             std::unique_ptr<kernels::DeviceKernels> kernels)
    : kernels_(std::move(kernels)), quant_(quant) {
  check_integer_bits(quant);
  for (const auto& unit : network.weights().units()) {
    const auto device = unit.weight.device();
    auto& state = units_.emplace_back();
    for (int64_t side = 0; side < sides(unit); ++side) {
      const auto ranges = read_weight_ranges(calibration, unit, side);
      const int64_t bits = weight_bits(unit, quant);
      const auto codes = weight_codes(calibration, unit, side, ranges, bits);
      state.sides.push_back(
          {weight_rows(unit.name, codes, ranges, bits, unit.conv.groups, kernels::kDeviceDepth),
           read_ranges(calibration, act_key(unit, side))});
    }
    const auto correction = corrections.outputs.find(unit.id);
    if (correction == corrections.outputs.end()) continue;
    state.slope = correction->second.slope.to(device, at::kFloat).contiguous();
    state.offset = correction->second.offset.to(device, at::kFloat).contiguous();
  }
  attentions_ = read_attention_ranges(network, calibration);
  if (calibration.contains("feature")) feature_ = read_ranges(calibration, "feature");
}

at::Tensor DeviceIntegerExecutor::run(const Unit& unit, const UnitInput& in, int64_t step) const {
  const auto& state = units_[size_t(unit.id)];
  const auto input = dense_input(in);
  std::vector<InputSide> inputs;
  for (const auto& side : state.sides) {
    inputs.push_back({side.ranges[size_t(step)], act_bits(unit, quant_), side.weight.has_zero});
  }
  const auto codes = device_input(*kernels_, unit, input, inputs);
  std::vector<DeviceSide> products;
  for (size_t i = 0; i < inputs.size(); ++i) {
    products.push_back(
        {.weight = &state.sides[i].weight, .codes = &codes[i], .range = inputs[i].range});
  }
  if (state.slope.defined()) {
    products[0].slope = state.slope[step].data_ptr<float>();
    products[0].offset = state.offset[step].data_ptr<float>();
  }
  return device_product(*kernels_, products, {&unit, &input, in.x.dim()});
}

at::Tensor DeviceIntegerExecutor::attention(const AttentionUnit& unit, const at::Tensor& q,
                                            const at::Tensor& k, const at::Tensor& v,
                                            int64_t step) const {
  const auto& ranges = attentions_[size_t(unit.id)];
  const auto at_step = [&](size_t i) { return ranges[i][size_t(step)]; };
  return device_attention(*kernels_, q, k, v, unit.heads,
                          {.q = at_step(0),
                           .k = at_step(1),
                           .v = at_step(2),
                           .p = at_step(3),
                           .act_bits = quant_.act_bits,
                           .softmax_bits = quant_.softmax_bits});
}

std::string DeviceIntegerExecutor::describe(const Unit& unit) const {
  return fmt::format("u8 x s8 on the device: input of {} bits, weights of {} bits",
                     act_bits(unit, quant_), weight_bits(unit, quant_));
}

std::string DeviceIntegerExecutor::describe(const AttentionUnit&) const {
  return fmt::format("u8 x s8 on the device: operands of {} bits, softmax of {} bits",
                     quant_.act_bits, quant_.softmax_bits);
}

at::Tensor DeviceIntegerExecutor::keep(const at::Tensor& value, int64_t step) const {
  if (feature_.empty()) return value;
  return fake_quantize(value, feature_[size_t(step)], kFeatureBits);
}

}  // namespace cq
