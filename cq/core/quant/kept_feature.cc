#include "cq/core/quant/kept_feature.h"

#include <vector>

#include "cq/core/kernels/activate.h"
#include "cq/core/kernels/epilogue.h"
#include "cq/core/parallel.h"
#include "cq/core/quant/operands.h"
#include "cq/core/quant/simulated.h"

namespace cq {

namespace {

/// Values below which threads cost more than they save.
constexpr int64_t kSmall = 16384;

at::MemoryFormat layout_of(const at::Tensor& x) {
  return x.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
}

int64_t channels_of(const at::Tensor& x) {
  return x.dim() == 4 ? x.size(1) : x.size(2);
}

at::Tensor like(const at::Tensor& x, at::ScalarType type) {
  return at::empty(x.sizes(), at::TensorOptions().dtype(type).memory_format(layout_of(x)));
}

template <class Body>
void over_rows(const at::Tensor& x, const Body& body) {
  const int64_t channels = channels_of(x);
  parallel_for(0, x.numel() / channels, std::max<int64_t>(1, kSmall / channels), body);
}

}  // namespace

at::Tensor encode_feature(const at::Tensor& value, const QuantRange& range) {
  const auto x = value.to(at::kFloat).contiguous(layout_of(value));
  auto codes = like(x, at::kByte);
  kernels::Activate a;
  a.channels = channels_of(x);
  a.x.floats = {x.data_ptr<float>(), a.channels};
  a.out = {.codes = {codes.data_ptr<uint8_t>(), a.channels},
           .range = code_range(range, kFeatureBits)};
  over_rows(x, [&](int64_t first, int64_t last) { kernels::activate(a, first, last); });
  return codes;
}

at::Tensor decode_feature(const at::Tensor& codes, const QuantRange& range, const at::Tensor& slope,
                          const at::Tensor& offset) {
  const int64_t channels = channels_of(codes);
  std::vector<float> factor(size_t(channels), float(range.scale)), intercept(factor.size(), 0);
  for (size_t c = 0; c < factor.size(); ++c) {
    if (slope.defined()) {
      factor[c] *= slope.data_ptr<float>()[c];
      intercept[c] = offset.data_ptr<float>()[c];
    }
    intercept[c] -= float(range.zero_point) * factor[c];
  }
  auto values = like(codes, at::kFloat);
  kernels::Decode d;
  d.codes = {codes.data_ptr<uint8_t>(), channels};
  d.channels = channels;
  d.slope = factor.data();
  d.intercept = intercept.data();
  d.out = {values.data_ptr<float>(), channels};
  over_rows(codes, [&](int64_t first, int64_t last) { kernels::decode(d, first, last); });
  return values;
}

}  // namespace cq
