#include "cq/core/kernels/wide_product.h"

#include <algorithm>
#include <cstring>

// Accumulators are arrays of vectors, which SVE's cannot be in: NEON does for it.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cq/core/kernels/wide_product.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace cq::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
// One lane cannot hold a pair of 16-bit values: plain C++ is what this target means.
void wide_product_of(const WideProduct& p, int32_t* sums) {
  wide_product_reference(p, sums);
}
void dequantize_of(const Dequantize& d, const int32_t* sums, float* out) {
  dequantize_reference(d, sums, out);
}
#else

using D32 = hn::CappedTag<int32_t, 8>;
using D16 = hn::Repartition<int16_t, D32>;
using DF = hn::Repartition<float, D32>;
using V32 = hn::Vec<D32>;

constexpr int64_t kVectors = kPanel / int64_t(hn::MaxLanes(D32()));

// Values of the left operand that meet one stay of the accumulators in registers: their part of the
// panel (18 KiB) stays in the first-level cache.
constexpr int64_t kChunk = 384;

struct Chunk {
  int64_t first_tap, last_tap, first, last;
};

template <int kRows>
HWY_INLINE void tile(const WideProduct& p, const Chunk& c, int64_t row, int32_t* sums, bool fresh) {
  const D32 d32;
  const D16 d16;
  const int64_t lanes = int64_t(hn::Lanes(d32));
  V32 even[kRows][kVectors], odd[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int64_t v = 0; v < kVectors; ++v) {
      odd[r][v] = hn::Zero(d32);
      even[r][v] = hn::Zero(d32);
    }
  }
  for (int64_t t = c.first_tap; t < c.last_tap; ++t) {
    const int16_t* w = p.panel + (t * p.depth + c.first) * kPanel;
    const int16_t* x[kRows];
    for (int r = 0; r < kRows; ++r) x[r] = p.rows[row + r] + p.taps[t];
    for (int64_t k = c.first; k < c.last; k += 2, w += 2 * kPanel) {
      hn::Vec<D16> weights[kVectors];
      for (int64_t v = 0; v < kVectors; ++v) weights[v] = hn::LoadU(d16, w + v * 2 * lanes);
      for (int r = 0; r < kRows; ++r) {
        int32_t pair;
        std::memcpy(&pair, x[r] + k, sizeof pair);
        const auto values = hn::BitCast(d16, hn::Set(d32, pair));
        for (int64_t v = 0; v < kVectors; ++v) {
          even[r][v] =
              hn::ReorderWidenMulAccumulate(d32, values, weights[v], even[r][v], odd[r][v]);
        }
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int64_t v = 0; v < kVectors; ++v) {
      // Which lanes the two hold is the instruction set's affair until they are put together.
      const V32 sum = hn::RearrangeToOddPlusEven(even[r][v], odd[r][v]);
      int32_t* to = sums + r * kPanel + v * lanes;
      hn::StoreU(fresh ? sum : hn::Add(sum, hn::LoadU(d32, to)), d32, to);
    }
  }
}

HWY_INLINE void tiles(const WideProduct& p, const Chunk& c, int32_t* sums, bool fresh) {
  int64_t row = 0;
  for (; row + 4 <= p.row_count; row += 4) tile<4>(p, c, row, sums + row * kPanel, fresh);
  for (; row < p.row_count; ++row) tile<1>(p, c, row, sums + row * kPanel, fresh);
}

void wide_product_of(const WideProduct& p, int32_t* sums) {
  bool fresh = true;
  if (p.depth <= kChunk) {
    const int64_t together = std::max<int64_t>(1, kChunk / p.depth);
    for (int64_t t = 0; t < p.tap_count; t += together, fresh = false) {
      tiles(p, {t, std::min(p.tap_count, t + together), 0, p.depth}, sums, fresh);
    }
    return;
  }
  for (int64_t t = 0; t < p.tap_count; ++t) {
    for (int64_t k = 0; k < p.depth; k += kChunk, fresh = false) {
      tiles(p, {t, t + 1, k, std::min(p.depth, k + kChunk)}, sums, fresh);
    }
  }
}

void dequantize_of(const Dequantize& d, const int32_t* sums, float* out) {
  const D32 d32;
  const DF df;
  const int64_t lanes = int64_t(hn::Lanes(df)), whole = d.count / lanes * lanes;
  for (int64_t r = 0; r < d.row_count; ++r) {
    const int32_t* s = sums + r * kPanel;
    const float* residual = d.residual == nullptr ? nullptr : d.residual + r * d.stride;
    float* y = out + r * d.stride;
    for (int64_t o = 0; o < whole; o += lanes) {
      const auto sum = hn::ConvertTo(df, hn::LoadU(d32, s + o));
      auto value = hn::Mul(sum, hn::LoadU(df, d.scale + o));
      if (d.bias != nullptr) value = hn::Add(value, hn::LoadU(df, d.bias + o));
      if (d.accumulate) value = hn::Add(value, hn::LoadU(df, y + o));
      if (d.channel_bias != nullptr) value = hn::Add(value, hn::LoadU(df, d.channel_bias + o));
      if (d.gate != nullptr) value = hn::Mul(value, hn::LoadU(df, d.gate + o));
      if (residual != nullptr) value = hn::Add(value, hn::LoadU(df, residual + o));
      hn::StoreU(value, df, y + o);
    }
    if (whole == d.count) continue;
    Dequantize rest = d;
    rest.scale += whole;
    if (d.bias != nullptr) rest.bias += whole;
    if (d.channel_bias != nullptr) rest.channel_bias += whole;
    if (d.gate != nullptr) rest.gate += whole;
    rest.residual = residual == nullptr ? nullptr : residual + whole;
    rest.count = d.count - whole;
    rest.row_count = 1;
    dequantize_reference(rest, s + whole, y + whole);
  }
}
#endif  // HWY_SCALAR

const char* wide_target_name() {
  return hwy::TargetName(HWY_TARGET);
}

}  // namespace cq::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cq::kernels {

HWY_EXPORT(wide_product_of);
HWY_EXPORT(dequantize_of);
HWY_EXPORT(wide_target_name);

void wide_product(const WideProduct& product, int32_t* sums) {
  HWY_DYNAMIC_DISPATCH(wide_product_of)(product, sums);
}

void wide_product_reference(const WideProduct& p, int32_t* sums) {
  for (int64_t r = 0; r < p.row_count; ++r) {
    for (int64_t o = 0; o < kPanel; ++o) {
      int32_t sum = 0;
      for (int64_t t = 0; t < p.tap_count; ++t) {
        const int16_t* x = p.rows[r] + p.taps[t];
        const int16_t* w = p.panel + t * p.depth * kPanel;
        for (int64_t k = 0; k < p.depth; ++k) {
          sum += int32_t(x[k]) * int32_t(w[(k / 2 * kPanel + o) * 2 + k % 2]);
        }
      }
      sums[r * kPanel + o] = sum;
    }
  }
}

void dequantize(const Dequantize& d, const int32_t* sums, float* out) {
  HWY_DYNAMIC_DISPATCH(dequantize_of)(d, sums, out);
}

void dequantize_reference(const Dequantize& d, const int32_t* sums, float* out) {
  for (int64_t r = 0; r < d.row_count; ++r) {
    for (int64_t o = 0; o < d.count; ++o) {
      float value = float(sums[r * kPanel + o]) * d.scale[o];
      if (d.bias != nullptr) value += d.bias[o];
      if (d.accumulate) value += out[r * d.stride + o];
      if (d.channel_bias != nullptr) value += d.channel_bias[o];
      if (d.gate != nullptr) value *= d.gate[o];
      if (d.residual != nullptr) value += d.residual[r * d.stride + o];
      out[r * d.stride + o] = value;
    }
  }
}

const char* wide_product_target() {
  return HWY_DYNAMIC_DISPATCH(wide_target_name)();
}

}  // namespace cq::kernels
#endif
