#include "cq/core/quant/integer_weights.h"

#include <ATen/ops/full_like.h>

#include "cq/base/error.h"

namespace cq {

namespace {

constexpr int64_t kSignedOffset = 128;

at::Tensor per_row(const at::Tensor& values, int64_t dimensions) {
  std::vector<int64_t> shape(size_t(dimensions), 1);
  shape[0] = -1;
  return values.view(shape);
}

/// [O, I / groups, ...] -> [O, I, ...] with zero points outside of a row's own group.
at::Tensor make_dense(const at::Tensor& codes, const at::Tensor& zero_point, int64_t groups) {
  if (groups == 1) return codes;
  std::vector<int64_t> shape = codes.sizes().vec();
  const int64_t rows = shape[0] / groups, inputs = shape[1];
  shape[1] *= groups;
  auto dense = per_row(zero_point, codes.dim()).to(at::kByte).expand(shape).clone();
  for (int64_t g = 0; g < groups; ++g) {
    dense.narrow(0, g * rows, rows)
        .narrow(1, g * inputs, inputs)
        .copy_(codes.narrow(0, g * rows, rows));
  }
  return dense;
}

std::vector<float> to_vector(const at::Tensor& values) {
  const auto flat = values.to(at::kFloat).contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

}  // namespace

at::Tensor quantize_weight(const at::Tensor& weight, const WeightRanges& ranges, int64_t bits) {
  const auto scale = per_row(ranges.scale, weight.dim());
  const auto zero = per_row(ranges.zero_point, weight.dim());
  const double top = double((int64_t(1) << bits) - 1);
  return at::clamp(at::round(weight / scale) + zero, 0, top).to(at::kByte);
}

at::Tensor dequantize_weight(const at::Tensor& codes, const WeightRanges& ranges) {
  return (codes.to(at::kFloat) - per_row(ranges.zero_point, codes.dim())) *
         per_row(ranges.scale, codes.dim());
}

WeightRows weight_rows(const std::string& layer, const at::Tensor& codes,
                       const WeightRanges& ranges, int64_t bits, int64_t groups, int64_t multiple) {
  auto dense = make_dense(codes, ranges.zero_point, groups);
  if (dense.dim() == 2) dense = dense.unsqueeze(-1).unsqueeze(-1);
  const int64_t inputs = dense.size(1), summed = inputs * dense.size(2) * dense.size(3);
  constexpr int64_t kMostSteps = (int64_t(1) << 31) / (255 * 128) - 1;
  if (summed > kMostSteps) {
    throw RunError(
        "[quant] layer {} sums {} products; integer execution has 32-bit sums, at most {}", layer,
        summed, kMostSteps);
  }
  const auto offset =
      bits == 8 ? at::full_like(ranges.zero_point, double(kSignedOffset)) : ranges.zero_point;
  const auto stored = (dense.to(at::kShort) - per_row(offset, 4).to(at::kShort)).to(at::kChar);
  WeightRows out;
  out.scale = ranges.scale.to(at::kFloat).contiguous();
  out.zero = (ranges.zero_point - offset).to(at::kFloat);
  out.column_sums = stored.to(at::kLong).flatten(1).sum(1).to(at::kFloat);
  out.has_zero = out.zero.ne(0).any().item<bool>();
  out.rows = at::constant_pad_nd(stored.permute({0, 2, 3, 1}),
                                 {0, code_depth(inputs, multiple) - inputs}, 0)
                 .contiguous();
  return out;
}

PackedWeight pack_weight(const ProductEngine& engine, const std::string& layer,
                         const at::Tensor& codes, const WeightRanges& ranges, int64_t bits,
                         int64_t groups, HugeMemory& memory) {
  const auto stored = weight_rows(layer, codes, ranges, bits, groups, kCodeMultiple);
  const auto& rows = stored.rows;
  const int64_t kh = rows.size(1), tap_depth = rows.size(2) * rows.size(3);
  PackedWeight out;
  out.shape = {.columns = rows.size(0), .taps = kh, .depth = tap_depth};
  out.scale = to_vector(stored.scale);
  out.zero = to_vector(stored.zero);
  out.column_sums = to_vector(stored.column_sums);
  out.has_zero = stored.has_zero;
  out.packed = memory.bytes(engine.packed_bytes(out.shape));
  engine.pack({.data = rows.data_ptr<int8_t>(),
               .column_stride = kh * tap_depth,
               .tap_stride = tap_depth,
               .depth_stride = 1,
               .depth = tap_depth},
              out.shape, out.packed.data_ptr());
  return out;
}

}  // namespace cq
