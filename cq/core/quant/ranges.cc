#include "cq/core/quant/ranges.h"

#include <cmath>

#include "cq/base/error.h"
#include "cq/core/quant/integer_weights.h"

namespace cq {

namespace {

void check_scale(const std::string& key, double scale, const std::string& where) {
  if (std::isnormal(float(scale)) && scale > 0) return;
  throw RunError("[quant] {} has scale {} {}; scales must be positive normal float32 numbers", key,
                 scale, where);
}

at::Tensor find(const Calibration& calibration, const std::string& key) {
  const auto found = calibration.find(key);
  if (found == calibration.end()) {
    throw RunError("[quant] no calibrated range for {}; the calibration is of another network",
                   key);
  }
  return found->second;
}

}  // namespace

std::vector<QuantRange> read_ranges(const Calibration& calibration, const std::string& key) {
  const auto table = find(calibration, key).to(at::kCPU, at::kDouble).contiguous();
  std::vector<QuantRange> ranges;
  for (int64_t t = 0; t < table.size(0); ++t) {
    const double* row = table.data_ptr<double>() + 2 * t;
    check_scale(key, row[0], fmt::format("at step {}", t));
    // As packed checkpoints hold it.
    ranges.push_back({double(float(row[0])), int64_t(row[1])});
  }
  return ranges;
}

std::vector<std::array<std::vector<QuantRange>, 4>> read_attention_ranges(
    const Network& network, const Calibration& calibration) {
  constexpr std::array<char, 4> operands{'q', 'k', 'v', 'p'};
  std::vector<std::array<std::vector<QuantRange>, 4>> all;
  for (const auto& unit : network.weights().attentions()) {
    auto& ranges = all.emplace_back();
    for (size_t i = 0; i < operands.size(); ++i) {
      ranges[i] = read_ranges(calibration, attention_key(unit, operands[i]));
    }
  }
  return all;
}

AttentionRanges attention_ranges(const std::array<std::vector<QuantRange>, 4>& ranges,
                                 const QuantParameters& quant, int64_t step) {
  const auto at_step = [&](size_t i) { return ranges[i][size_t(step)]; };
  return {.q = at_step(0),
          .k = at_step(1),
          .v = at_step(2),
          .p = at_step(3),
          .act_bits = quant.act_bits,
          .softmax_bits = quant.softmax_bits};
}

WeightRanges read_weight_ranges(const Calibration& calibration, const Unit& unit, int64_t side) {
  const auto key = weight_key(unit, side);
  const auto table = find(calibration, key).to(at::kCPU, at::kFloat).contiguous();
  if (table.dim() != 2 || table.size(0) != 2 || table.size(1) != unit.out_channels()) {
    throw RunError("[quant] {} has shape [{}], expected [2, {}]", key,
                   fmt::join(table.sizes(), ", "), unit.out_channels());
  }
  for (int64_t o = 0; o < table.size(1); ++o) {
    check_scale(key, table.data_ptr<float>()[o], fmt::format("in row {}", o));
  }
  const auto there = table.to(unit.weight.device());
  return {there[0], there[1]};
}

std::string codes_key(const Unit& unit, int64_t side) {
  return fmt::format("codes.{}.{}", unit.name, side);
}

at::Tensor pack_int4(const at::Tensor& codes) {
  auto rows = codes.flatten(1);
  if (rows.size(1) % 2 == 1) rows = at::constant_pad_nd(rows, {0, 1}, 0);
  const auto pairs = rows.view({rows.size(0), -1, 2});
  return (pairs.select(2, 0) + pairs.select(2, 1) * 16).contiguous();
}

at::Tensor unpack_int4(const at::Tensor& pairs) {
  return at::stack({pairs.remainder(16), pairs.div(16, "floor")}, 2).flatten(1);
}

at::Tensor weight_codes(const Calibration& calibration, const Unit& unit, int64_t side,
                        const WeightRanges& ranges, int64_t bits) {
  const auto weight = side_weight(unit, side);
  const auto found = calibration.find(codes_key(unit, side));
  if (found == calibration.end()) return quantize_weight(weight, ranges, bits);
  auto codes = found->second;
  const int64_t columns = weight.numel() / weight.size(0);
  if (bits <= 4) {
    if (codes.dim() == 2 && codes.size(1) == (columns + 1) / 2) {
      codes = unpack_int4(codes).narrow(1, 0, columns).reshape(weight.sizes());
    }
  }
  if (codes.scalar_type() != at::kByte || codes.sizes() != weight.sizes()) {
    throw RunError("[quant] layer {}: codes [{}] do not fit a weight [{}] of {} bits", unit.name,
                   fmt::join(codes.sizes(), ", "), fmt::join(weight.sizes(), ", "), bits);
  }
  return codes.to(weight.device());
}

}  // namespace cq
