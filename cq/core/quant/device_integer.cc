#include "cq/core/quant/device_integer.h"

#include "cq/core/quant/device_layer.h"
#include "cq/core/quant/integer.h"
#include "cq/core/quant/operands.h"
#include "cq/core/quant/ranges.h"

namespace cq {

namespace {

/// Whether what a layer gives may be stored as codes alone.
bool ends_in_codes(const Unit& unit, const UnitInput& in) {
  return in.x.dim() == 3 && !unit.is_conv() && unit.seam == 0;
}

/// Codes of the unit's input, for tokens [B, N, ...].
CodeImage hidden_codes(const Unit& unit, const InputSide& side, const at::Tensor& tokens) {
  return {{tokens.size(0), 1, tokens.size(1), unit.in_channels()},
          unit.conv,
          side.sums,
          {.device = tokens.device(), .multiple = kernels::kDeviceDepth}};
}

kernels::CodeOutput output_of(const CodeImage& codes, const InputSide& side) {
  return {.codes = {codes.codes(), codes.depth()},
          .range = code_range(side.range, side.bits),
          .sums = codes.sums()};
}

}  // namespace

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

std::vector<InputSide> DeviceIntegerExecutor::input_sides(const Unit& unit, int64_t step) const {
  std::vector<InputSide> sides;
  for (const auto& side : units_[size_t(unit.id)].sides) {
    sides.push_back({side.ranges[size_t(step)], act_bits(unit, quant_), side.weight.has_zero});
  }
  return sides;
}

std::vector<DeviceSide> DeviceIntegerExecutor::product_sides(const Unit& unit,
                                                             const std::vector<CodeImage>& codes,
                                                             int64_t step) const {
  const auto& state = units_[size_t(unit.id)];
  std::vector<DeviceSide> products;
  for (size_t i = 0; i < codes.size(); ++i) {
    const auto& side = state.sides[i];
    products.push_back(
        {.weight = &side.weight, .codes = &codes[i], .range = side.ranges[size_t(step)]});
  }
  if (state.slope.defined()) {
    products[0].slope = state.slope[step].data_ptr<float>();
    products[0].offset = state.offset[step].data_ptr<float>();
  }
  return products;
}

at::Tensor DeviceIntegerExecutor::run(const Unit& unit, const UnitInput& in, int64_t step) const {
  const auto input = dense_input(in);
  const auto codes = device_input(*kernels_, unit, input, input_sides(unit, step));
  return device_product(*kernels_, product_sides(unit, codes, step), {&unit, &input, in.x.dim()});
}

at::Tensor DeviceIntegerExecutor::run_pair(const Unit& first, const UnitInput& in,
                                           const Unit& second, const UnitInput& rest,
                                           int64_t step) const {
  if (!takes_codes(second, rest) || !ends_in_codes(first, in)) {
    return QuantizedExecutor::run_pair(first, in, second, rest, step);
  }
  const auto input = dense_input(in), operands = dense_input(rest);
  const auto side = input_sides(second, step)[0];
  const std::vector<CodeImage> hidden{hidden_codes(second, side, in.x)};
  const auto codes =
      device_input(*kernels_, first, input, input_sides(first, step), hidden[0].sums());
  device_product_to_codes(*kernels_, first, product_sides(first, codes, step)[0], second.act,
                          {{.out = output_of(hidden[0], side)}});
  return device_product(*kernels_, product_sides(second, hidden, step), {&second, &operands, 3});
}

AttentionRanges DeviceIntegerExecutor::ranges_of(const AttentionUnit& unit, int64_t step) const {
  return attention_ranges(attentions_[size_t(unit.id)], quant_, step);
}

at::Tensor DeviceIntegerExecutor::attention(const AttentionUnit& unit, const at::Tensor& q,
                                            const at::Tensor& k, const at::Tensor& v,
                                            int64_t step) const {
  return device_attention(*kernels_, q, k, v, unit.heads, ranges_of(unit, step));
}

at::Tensor DeviceIntegerExecutor::self_attention(const Unit& qkv, const UnitInput& in,
                                                 const AttentionUnit& unit, const Projection& out,
                                                 int64_t step) const {
  const int64_t channels = qkv.out_channels() / 3;
  if (!ends_in_codes(qkv, in) || in.x.size(1) == 1 || !attends_on_chip(channels, unit.heads)) {
    return QuantizedExecutor::self_attention(qkv, in, unit, out, step);
  }
  const auto input = dense_input(in);
  const auto projected = projected_codes(out, in.x, step);
  const auto codes = device_input(*kernels_, qkv, input, input_sides(qkv, step),
                                  projected.empty() ? nullptr : projected[0].sums());
  const auto r = ranges_of(unit, step);
  const std::array<int64_t, 3> sizes{in.x.size(0), in.x.size(1), channels};
  using Role = HeadCodes::Role;
  const auto made = [&](Role role) { return HeadCodes(role, sizes, unit.heads, in.x.device()); };
  const Coded tokens{made(Role::queries), made(Role::keys), made(Role::values)};
  device_product_to_codes(*kernels_, qkv, product_sides(qkv, codes, step)[0], Activation::none,
                          {tokens[0].columns(code_range(r.q, r.act_bits)),
                           tokens[1].columns(code_range(r.k, r.act_bits)),
                           tokens[2].columns(code_range(r.v, r.act_bits))});
  return project(unit, tokens, out, projected, step);
}

std::vector<CodeImage> DeviceIntegerExecutor::projected_codes(const Projection& out,
                                                              const at::Tensor& tokens,
                                                              int64_t step) const {
  if (!takes_codes(out.unit, out.rest) || out.unit.act != Activation::none) return {};
  return {hidden_codes(out.unit, input_sides(out.unit, step)[0], tokens)};
}

at::Tensor DeviceIntegerExecutor::projected_attention(const AttentionUnit& unit,
                                                      const at::Tensor& q, const at::Tensor& k,
                                                      const at::Tensor& v, const Projection& out,
                                                      int64_t step) const {
  if (k.size(1) == 1) {
    // Every token gets the same.
    const UnitInput one{.x = attention(unit, q.narrow(1, 0, 1), k, v, step),
                        .scale = out.rest.scale,
                        .shift = out.rest.shift};
    return unit_epilogue(run(out.unit, one, step).expand({-1, q.size(1), -1}), out.rest);
  }
  if (!attends_on_chip(q.size(2), unit.heads)) {
    return QuantizedExecutor::projected_attention(unit, q, k, v, out, step);
  }
  const auto r = ranges_of(unit, step);
  using Role = HeadCodes::Role;
  const auto coded = [&](Role role, const at::Tensor& x, const QuantRange& range) {
    return quantize_heads(*kernels_, role, x, unit.heads, code_range(range, r.act_bits));
  };
  const auto projected = projected_codes(out, q, step);
  for (const auto& codes : projected) codes.clear_sums();
  return project(
      unit, {coded(Role::queries, q, r.q), coded(Role::keys, k, r.k), coded(Role::values, v, r.v)},
      out, projected, step);
}

at::Tensor DeviceIntegerExecutor::project(const AttentionUnit& unit, const Coded& tokens,
                                          const Projection& out,
                                          const std::vector<CodeImage>& codes, int64_t step) const {
  const auto& [q, k, v] = tokens;
  const auto r = ranges_of(unit, step);
  if (codes.empty()) {
    auto operands = out.rest;
    operands.x = device_attention(*kernels_, q, k, v, r);
    return run(out.unit, operands, step);
  }
  const auto operands = dense_input(out.rest);
  const auto side = input_sides(out.unit, step)[0];
  device_attention_to_codes(*kernels_, q, k, v, r, output_of(codes[0], side));
  return device_product(*kernels_, product_sides(out.unit, codes, step), {&out.unit, &operands, 3});
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
