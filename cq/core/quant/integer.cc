#include "cq/core/quant/integer.h"

#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "cq/base/error.h"
#include "cq/core/io/mapped_file.h"
#include "cq/core/kernels/cuda/cuda_kernels.h"
#include "cq/core/quant/device_integer.h"
#include "cq/core/quant/kept_feature.h"
#include "cq/core/quant/operands.h"
#include "cq/core/quant/ranges.h"

namespace cq {

namespace {

void check_bits(const char* what, int64_t bits) {
  if (bits >= 2 && bits <= 8) return;
  throw UsageError("[quant] {}={}: integer execution supports 2 to 8 bits", what, bits);
}

/// Tokens [batch, tokens, inputs of the unit] as codes of its input.
CodeImage hidden_codes(const Unit& unit, const InputSide& side, int64_t batch, int64_t tokens) {
  return {{batch, 1, tokens, unit.in_channels()}, unit.conv, side.sums};
}

kernels::CodeOutput output_of(const CodeImage& codes, const InputSide& side) {
  return {.codes = {codes.codes(), codes.depth()},
          .range = code_range(side.range, side.bits),
          .sums = codes.sums()};
}

/// The stream that libtorch's operators run on.
void* current_cuda_stream() {
  const c10::impl::VirtualGuardImpl gpu(at::kCUDA);
  return gpu.getStream(gpu.getDevice()).native_handle();
}

}  // namespace

void check_integer_bits(const QuantParameters& quant) {
  check_bits("weight_bits", quant.weight_bits);
  check_bits("act_bits", quant.act_bits);
  check_bits("softmax_bits", quant.softmax_bits);
}

std::unique_ptr<kernels::DeviceKernels> integer_kernels(const at::Device& device) {
  const auto missing = device.is_cuda() ? kernels::cuda_missing() : "not a GPU of NVIDIA's";
  if (missing.empty()) return kernels::make_cuda_kernels(current_cuda_stream);
  throw RunError("[quant] execution=integer has no kernels for device {}: {}", device.str(),
                 missing);
}

std::unique_ptr<QuantizedExecutor> make_integer_executor(const Network& network,
                                                         const QuantParameters& quant,
                                                         const Calibration& calibration,
                                                         const Corrections& corrections) {
  const auto device = network.device();
  if (device.is_cpu()) {
    return std::make_unique<IntegerExecutor>(network, quant, calibration, corrections);
  }
  return std::make_unique<DeviceIntegerExecutor>(network, quant, calibration, corrections,
                                                 integer_kernels(device));
}

IntegerExecutor::IntegerExecutor(const Network& network, const QuantParameters& quant,
                                 const Calibration& calibration, const Corrections& corrections,
                                 const ProductEngine& engine)
    : engine_(engine), quant_(quant), corrections_(corrections) {
  check_integer_bits(quant);
  for (const auto& unit : network.weights().units()) {
    if (!unit.weight.device().is_cpu()) {
      throw RunError("[quant] layer {}: its weight is on {}, not on the CPU", unit.name,
                     unit.weight.device().str());
    }
    auto& state = units_.emplace_back();
    for (int64_t side = 0; side < sides(unit); ++side) {
      const auto ranges = read_weight_ranges(calibration, unit, side);
      const int64_t bits = weight_bits(unit, quant);
      const auto codes = weight_codes(calibration, unit, side, ranges, bits);
      state.sides.push_back(
          {pack_weight(engine, unit.name, codes, ranges, bits, unit.conv.groups, memory_),
           read_ranges(calibration, act_key(unit, side))});
      release_mapped_pages(codes.data_ptr(), codes.nbytes());
    }
    // The packed weight is what is used from here on.
    release_mapped_pages(unit.weight.data_ptr(), unit.weight.nbytes());
    const auto correction = corrections_.outputs.find(unit.id);
    if (correction != corrections_.outputs.end()) state.correction = &correction->second;
  }
  return_freed_memory();  // of the copies that packing makes
  attentions_ = read_attention_ranges(network, calibration);
  if (calibration.contains("feature")) feature_ = read_ranges(calibration, "feature");
}

std::vector<InputSide> IntegerExecutor::input_sides(const Unit& unit, int64_t step) const {
  std::vector<InputSide> sides;
  for (const auto& side : units_[size_t(unit.id)].sides) {
    sides.push_back({side.ranges[size_t(step)], act_bits(unit, quant_), side.weight.has_zero});
  }
  return sides;
}

std::vector<ProductSide> IntegerExecutor::product_sides(const Unit& unit,
                                                        const std::vector<CodeImage>& codes,
                                                        int64_t step) const {
  const auto& state = units_[size_t(unit.id)];
  std::vector<ProductSide> products;
  for (size_t i = 0; i < codes.size(); ++i) {
    const auto& side = state.sides[i];
    products.push_back(
        {.weight = &side.weight, .codes = &codes[i], .range = side.ranges[size_t(step)]});
  }
  if (state.correction != nullptr) {
    products[0].slope = state.correction->slope[step].data_ptr<float>();
    products[0].offset = state.correction->offset[step].data_ptr<float>();
  }
  return products;
}

at::Tensor IntegerExecutor::run(const Unit& unit, const UnitInput& in, int64_t step) const {
  const auto input = dense_input(in);
  const auto codes = quantize_input(unit, input, input_sides(unit, step));
  return integer_product(engine_, product_sides(unit, codes, step), {&unit, &input, in.x.dim()});
}

at::Tensor IntegerExecutor::run_pair(const Unit& first, const UnitInput& in, const Unit& second,
                                     const UnitInput& rest, int64_t step) const {
  if (!takes_codes(second, rest) || in.x.dim() != 3 ||
      !can_end_in_codes(engine_, first, second.act == Activation::geglu ? 2 : 1)) {
    return QuantizedExecutor::run_pair(first, in, second, rest, step);
  }
  const auto input = dense_input(in), operands = dense_input(rest);
  const auto codes = quantize_input(first, input, input_sides(first, step));
  const auto side = input_sides(second, step)[0];
  const std::vector<CodeImage> hidden{hidden_codes(second, side, in.x.size(0), in.x.size(1))};
  integer_product_to_codes(engine_, product_sides(first, codes, step), {&first, &input, 3},
                           {{second.act, output_of(hidden[0], side), second.in_channels()}});
  return integer_product(engine_, product_sides(second, hidden, step), {&second, &operands, 3});
}

AttentionRanges IntegerExecutor::ranges_of(const AttentionUnit& unit, int64_t step) const {
  return attention_ranges(attentions_[size_t(unit.id)], quant_, step);
}

at::Tensor IntegerExecutor::attention(const AttentionUnit& unit, const at::Tensor& q,
                                      const at::Tensor& k, const at::Tensor& v,
                                      int64_t step) const {
  return integer_attention(engine_, q, k, v, unit.heads, ranges_of(unit, step));
}

at::Tensor IntegerExecutor::self_attention(const Unit& qkv, const UnitInput& in,
                                           const AttentionUnit& unit, const Projection& out,
                                           int64_t step) const {
  if (in.x.dim() != 3 || in.x.size(1) == 1 || !can_end_in_codes(engine_, qkv, 3)) {
    return QuantizedExecutor::self_attention(qkv, in, unit, out, step);
  }
  const auto input = dense_input(in);
  const auto codes = quantize_input(qkv, input, input_sides(qkv, step));
  const auto r = ranges_of(unit, step);
  const int64_t channels = qkv.out_channels() / 3;
  const std::array<int64_t, 3> sizes{in.x.size(0), in.x.size(1), channels};
  using Role = CodedTokens::Role;
  const Coded tokens{CodedTokens(Role::queries, r.q, r.act_bits, sizes, unit.heads),
                     CodedTokens(Role::keys, r.k, r.act_bits, sizes, unit.heads),
                     CodedTokens(Role::values, r.v, r.act_bits, sizes, unit.heads)};
  std::vector<CodeSink> sinks;
  for (const auto& t : tokens) sinks.push_back({Activation::none, t.output(), channels});
  integer_product_to_codes(engine_, product_sides(qkv, codes, step), {&qkv, &input, 3}, sinks);
  return project(unit, tokens, out, step);
}

at::Tensor IntegerExecutor::projected_attention(const AttentionUnit& unit, const at::Tensor& q,
                                                const at::Tensor& k, const at::Tensor& v,
                                                const Projection& out, int64_t step) const {
  const auto r = ranges_of(unit, step);
  using Role = CodedTokens::Role;
  const auto values = quantize_tokens(Role::values, v, r.v, r.act_bits, unit.heads);
  if (k.size(1) > 1) {
    return project(unit,
                   {quantize_tokens(Role::queries, q, r.q, r.act_bits, unit.heads),
                    quantize_tokens(Role::keys, k, r.k, r.act_bits, unit.heads), values},
                   out, step);
  }
  // Every token gets the same.
  const UnitInput one{
      .x = attend_one_key(values, r), .scale = out.rest.scale, .shift = out.rest.shift};
  return unit_epilogue(run(out.unit, one, step).expand({-1, q.size(1), -1}), out.rest);
}

at::Tensor IntegerExecutor::project(const AttentionUnit& unit, const Coded& tokens,
                                    const Projection& out, int64_t step) const {
  const auto& [q, k, v] = tokens;
  const auto r = ranges_of(unit, step);
  if (!takes_codes(out.unit, out.rest) || out.unit.act != Activation::none) {
    auto operands = out.rest;
    operands.x = integer_attention(engine_, q, k, v, unit.heads, r);
    return run(out.unit, operands, step);
  }
  const auto operands = dense_input(out.rest);
  const auto side = input_sides(out.unit, step)[0];
  const std::vector<CodeImage> codes{hidden_codes(out.unit, side, q.batch(), q.tokens())};
  integer_attention_to_codes(engine_, q, k, v, unit.heads, r, output_of(codes[0], side));
  return integer_product(engine_, product_sides(out.unit, codes, step), {&out.unit, &operands, 3});
}

std::string IntegerExecutor::describe(const Unit& unit) const {
  const auto& state = units_[size_t(unit.id)];
  bool zero_points = false;
  for (const auto& side : state.sides) zero_points |= side.weight.has_zero;
  return fmt::format("{}: input of {} bits, weights of {} bits{}{}{}", engine_.name(),
                     act_bits(unit, quant_), weight_bits(unit, quant_),
                     zero_points ? " with zero points" : "",
                     state.sides.size() == 2 ? ", one product for each side of the seam" : "",
                     state.correction != nullptr ? ", corrected" : "");
}

std::string IntegerExecutor::describe(const AttentionUnit&) const {
  return fmt::format("{}: operands of {} bits, softmax of {} bits", engine_.name(), quant_.act_bits,
                     quant_.softmax_bits);
}

at::Tensor IntegerExecutor::keep(const at::Tensor& value, int64_t step) const {
  return feature_.empty() ? value : encode_feature(value, feature_[size_t(step)]);
}

at::Tensor IntegerExecutor::read(const at::Tensor& kept, int64_t step, const at::Tensor& slope,
                                 const at::Tensor& offset) const {
  if (feature_.empty()) return QuantizedExecutor::read(kept, step, slope, offset);
  return decode_feature(kept, feature_[size_t(step)], slope, offset);
}

}  // namespace cq
