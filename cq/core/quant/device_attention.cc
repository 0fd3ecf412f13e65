#include <array>
#include <cmath>

#include "cq/core/quant/device_layer.h"
#include "cq/core/quant/operands.h"

namespace cq {

namespace {

using kernels::DeviceKernels;

constexpr int64_t kSignedOffset = 128;

kernels::DeviceAttention::Tokens tokens_of(const HeadCodes& h) {
  return {h.codes().data_ptr<uint8_t>(), h.codes().stride(1)};
}

/// What the values add where the softmax's zero point is not 0: [B, H, d].
at::Tensor zero_point_part(const HeadCodes& v, const AttentionRanges& r) {
  const auto sums = v.codes().view(at::kChar).sum({1}, false, at::kLong).narrow(2, 0, v.width());
  const auto factor = -float(r.p.scale * r.v.scale);
  return ((sums * r.p.zero_point).to(at::kFloat) * factor).contiguous();
}

void attend(const DeviceKernels& kernels, const HeadCodes& q, const HeadCodes& k,
            const HeadCodes& v, const AttentionRanges& r, kernels::DeviceAttention a) {
  a.q = tokens_of(q);
  a.k = tokens_of(k);
  a.v = tokens_of(v);
  a.head_stride = q.codes().stride(2);
  a.images = q.codes().size(0);
  a.queries = q.codes().size(1);
  a.keys = k.codes().size(1);
  a.heads = q.codes().size(2);
  a.width = q.width();
  a.q_zero = int32_t(r.q.zero_point);
  a.factor = float(r.q.scale * r.k.scale / std::sqrt(double(q.width())));
  a.range = code_range(r.p, r.softmax_bits);
  // (p - zp) (v - zv) = p v' - zp v' + (128 - zv) (p - zp), v' = v - 128 as stored.
  a.sum_factor = float(r.p.scale * r.v.scale);
  a.row_factor = a.sum_factor * float(kSignedOffset - r.v.zero_point);
  at::Tensor bias;
  if (r.p.zero_point != 0) {
    bias = zero_point_part(v, r);
    a.bias = bias.data_ptr<float>();
  }
  kernels.attention(a);
}

}  // namespace

HeadCodes::HeadCodes(Role role, at::IntArrayRef sizes, int64_t heads, const at::Device& device)
    : width_(sizes[2] / heads), as_signed_(role != Role::queries) {
  const int64_t row = code_depth(width_, kernels::kDeviceDepth);
  const auto bytes = at::TensorOptions().device(device).dtype(at::kByte);
  const std::array<int64_t, 4> shape{sizes[0], sizes[1], heads, row};
  codes_ = at::empty(shape, bytes);
}

kernels::CodeColumns HeadCodes::columns(const kernels::CodeRange& range) const {
  return {.out = {.codes = {codes_.data_ptr<uint8_t>(), codes_.stride(1)},
                  .range = range,
                  .as_signed = as_signed_},
          .segment = width_,
          .segment_stride = codes_.stride(2)};
}

void encode_heads(const DeviceKernels& kernels, const at::Tensor& tokens, int64_t heads,
                  const kernels::CodeOutput& out) {
  auto x = tokens.to(at::kFloat);
  if (x.stride(2) != 1) x = x.contiguous();
  const int64_t width = x.size(2) / heads, rows = x.size(0) * x.size(1) * heads;
  kernels::Activate a;
  a.x.floats = {x.data_ptr<float>(), 1};
  a.channels = width;
  a.rows_per_image = rows;
  a.out = out;
  kernels.activate({.a = a,
                    .rows = rows,
                    .to = {.width = rows, .step = 1},
                    .from = {.width = heads,
                             .height = x.size(1),
                             .step = width,
                             .line = x.stride(1),
                             .image = x.stride(0)}});
}

HeadCodes quantize_heads(const DeviceKernels& kernels, HeadCodes::Role role,
                         const at::Tensor& tokens, int64_t heads, const kernels::CodeRange& range) {
  HeadCodes made(role, tokens.sizes(), heads, tokens.device());
  auto out = made.columns(range).out;
  out.codes.stride = made.codes().stride(2);
  encode_heads(kernels, tokens, heads, out);
  return made;
}

at::Tensor device_attention(const DeviceKernels& kernels, const HeadCodes& q, const HeadCodes& k,
                            const HeadCodes& v, const AttentionRanges& ranges) {
  const auto& s = q.codes();
  const int64_t channels = s.size(2) * q.width();
  const auto out = at::empty({s.size(0), s.size(1), channels}, s.options().dtype(at::kFloat));
  attend(kernels, q, k, v, ranges, {.out = {out.data_ptr<float>(), channels}});
  return out;
}

void device_attention_to_codes(const DeviceKernels& kernels, const HeadCodes& q, const HeadCodes& k,
                               const HeadCodes& v, const AttentionRanges& ranges,
                               const kernels::CodeOutput& out) {
  attend(kernels, q, k, v, ranges, {.codes = out});
}

bool attends_on_chip(int64_t channels, int64_t heads) {
  return channels / heads <= kernels::DeviceAttention::kMostWidth;
}

at::Tensor device_attention(const DeviceKernels& kernels, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, int64_t heads, const AttentionRanges& ranges) {
  if (!attends_on_chip(q.size(2), heads)) {
    return device_attention_by_scores(kernels, q, k, v, heads, ranges);
  }
  using Role = HeadCodes::Role;
  const auto quantized = [&](Role role, const at::Tensor& x, const QuantRange& range) {
    return quantize_heads(kernels, role, x, heads, code_range(range, ranges.act_bits));
  };
  return device_attention(kernels, quantized(Role::queries, q, ranges.q),
                          quantized(Role::keys, k, ranges.k), quantized(Role::values, v, ranges.v),
                          ranges);
}

}  // namespace cq
