#include "cq/core/quant/integer.h"

#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "cq/base/error.h"
#include "cq/core/kernels/cuda/cuda_kernels.h"
#include "cq/core/quant/device_integer.h"
#include "cq/core/quant/integer_attention.h"
#include "cq/core/quant/integer_input.h"
#include "cq/core/quant/integer_product.h"
#include "cq/core/quant/ranges.h"

namespace cq {

namespace {

void check_bits(const char* what, int64_t bits) {
  if (bits >= 2 && bits <= 8) return;
  throw UsageError("[quant] {}={}: integer execution supports 2 to 8 bits", what, bits);
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
  const auto device = network.weights().units().front().weight.device();
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
      state.sides.push_back({pack_weight(engine, unit.name, codes, ranges, bits, unit.conv.groups),
                             read_ranges(calibration, act_key(unit, side))});
    }
    const auto correction = corrections_.outputs.find(unit.id);
    if (correction != corrections_.outputs.end()) state.correction = &correction->second;
  }
  attentions_ = read_attention_ranges(network, calibration);
  if (calibration.contains("feature")) feature_ = read_ranges(calibration, "feature");
}

at::Tensor IntegerExecutor::run(const Unit& unit, const UnitInput& in, int64_t step) const {
  const auto& state = units_[size_t(unit.id)];
  const auto input = dense_input(in);
  std::vector<InputSide> sides;
  for (const auto& side : state.sides) {
    sides.push_back({side.ranges[size_t(step)], act_bits(unit, quant_), side.weight.has_zero});
  }
  const auto codes = quantize_input(unit, input, sides);
  std::vector<ProductSide> products;
  for (size_t i = 0; i < sides.size(); ++i) {
    products.push_back(
        {.weight = &state.sides[i].weight, .codes = &codes[i], .range = sides[i].range});
  }
  if (state.correction != nullptr) {
    products[0].slope = state.correction->slope[step].data_ptr<float>();
    products[0].offset = state.correction->offset[step].data_ptr<float>();
  }
  return integer_product(engine_, products, {&unit, &input});
}

at::Tensor IntegerExecutor::attention(const AttentionUnit& unit, const at::Tensor& q,
                                      const at::Tensor& k, const at::Tensor& v,
                                      int64_t step) const {
  const auto& ranges = attentions_[size_t(unit.id)];
  const auto at_step = [&](size_t i) { return ranges[i][size_t(step)]; };
  return integer_attention(engine_, q, k, v, unit.heads,
                           {.q = at_step(0),
                            .k = at_step(1),
                            .v = at_step(2),
                            .p = at_step(3),
                            .act_bits = quant_.act_bits,
                            .softmax_bits = quant_.softmax_bits});
}

at::Tensor IntegerExecutor::store_feature(const at::Tensor& value, int64_t step) const {
  if (feature_.empty()) return value;
  return fake_quantize(value, feature_[size_t(step)], kFeatureBits);
}

}  // namespace cq
