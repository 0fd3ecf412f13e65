#include "cq/core/distances_kernel.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cq/core/distances_kernel.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace cq::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kBlockUnit>;
using V = hn::Vec<D>;

HWY_INLINE float total(V v) {
  const D d;
  return hn::GetLane(hn::SumOfLanes(d, v));
}

template <PairSum kSum>
HWY_INLINE V accumulate(V sum, V x, V y) {
  const V difference = hn::Sub(y, x);
  if constexpr (kSum == PairSum::absolute) return hn::Add(sum, hn::Abs(difference));
  return hn::MulAdd(difference, difference, sum);
}

// Two later rows against four earlier ones: eight sums from six loads.
template <PairSum kSum>
HWY_INLINE void tile_2x4(const float* const* x, const float* const* y, int64_t length,
                         float* sums) {
  const D d;
  V s00 = hn::Zero(d), s01 = s00, s02 = s00, s03 = s00;
  V s10 = s00, s11 = s00, s12 = s00, s13 = s00;
  for (int64_t k = 0; k < length; k += static_cast<int64_t>(hn::Lanes(d))) {
    const V y0 = hn::LoadU(d, y[0] + k);
    const V y1 = hn::LoadU(d, y[1] + k);
    V value = hn::LoadU(d, x[0] + k);
    s00 = accumulate<kSum>(s00, value, y0);
    s10 = accumulate<kSum>(s10, value, y1);
    value = hn::LoadU(d, x[1] + k);
    s01 = accumulate<kSum>(s01, value, y0);
    s11 = accumulate<kSum>(s11, value, y1);
    value = hn::LoadU(d, x[2] + k);
    s02 = accumulate<kSum>(s02, value, y0);
    s12 = accumulate<kSum>(s12, value, y1);
    value = hn::LoadU(d, x[3] + k);
    s03 = accumulate<kSum>(s03, value, y0);
    s13 = accumulate<kSum>(s13, value, y1);
  }
  sums[0] = total(s00), sums[1] = total(s01), sums[2] = total(s02), sums[3] = total(s03);
  sums[4] = total(s10), sums[5] = total(s11), sums[6] = total(s12), sums[7] = total(s13);
}

// Rows past the last one of a tile repeat it; their sums are not stored.
template <PairSum kSum>
void pair_tiles(const PairBlock& block, float* out) {
  for (int64_t later = block.first_new; later < block.row_count; later += 2) {
    const int64_t later_count = std::min<int64_t>(2, block.row_count - later);
    const float* y[2] = {block.rows[later], block.rows[later + later_count - 1]};
    const int64_t last = later + later_count - 2;  // the newest row that is older than some y
    for (int64_t first = std::max<int64_t>(0, later - block.max_lag); first <= last; first += 4) {
      const float* x[4];
      for (int64_t k = 0; k < 4; ++k) x[k] = block.rows[std::min(first + k, last)];
      float sums[8];
      tile_2x4<kSum>(x, y, block.length, sums);
      for (int64_t k = 0; k < 8; ++k) {
        const int64_t row = later + k / 4;
        const int64_t lag = row - (first + k % 4);
        if (row >= block.row_count || lag < 1 || lag > block.max_lag) continue;
        out[(row - block.first_new) * block.max_lag + lag - 1] = sums[k];
      }
    }
  }
}

void pair_moments(const PairBlock& block, float* out) {
  const D d;
  for (int64_t later = block.first_new; later < block.row_count; ++later) {
    const float* y = block.rows[later];
    for (int64_t lag = 1; lag <= std::min(block.max_lag, later); ++lag) {
      const float* x = block.rows[later - lag];
      V sum = hn::Zero(d), squares = sum, products = sum;
      for (int64_t k = 0; k < block.length; k += static_cast<int64_t>(hn::Lanes(d))) {
        const V value = hn::LoadU(d, x + k);
        const V difference = hn::Sub(hn::LoadU(d, y + k), value);
        sum = hn::Add(sum, difference);
        squares = hn::MulAdd(difference, difference, squares);
        products = hn::MulAdd(difference, value, products);
      }
      float* to = out + ((later - block.first_new) * block.max_lag + lag - 1) * 3;
      to[0] = total(sum), to[1] = total(squares), to[2] = total(products);
    }
  }
}

void pair_sums_of(PairSum sum, const PairBlock& block, float* out) {
  if (sum == PairSum::absolute) return pair_tiles<PairSum::absolute>(block, out);
  if (sum == PairSum::squared) return pair_tiles<PairSum::squared>(block, out);
  pair_moments(block, out);
}

void row_sums_of(const float* row, int64_t length, float* out) {
  const D d;
  V absolute = hn::Zero(d), sum = absolute, squares = absolute;
  for (int64_t k = 0; k < length; k += static_cast<int64_t>(hn::Lanes(d))) {
    const V value = hn::LoadU(d, row + k);
    absolute = hn::Add(absolute, hn::Abs(value));
    sum = hn::Add(sum, value);
    squares = hn::MulAdd(value, value, squares);
  }
  out[0] = total(absolute), out[1] = total(sum), out[2] = total(squares);
}

template <class Narrow>
void widen(const uint16_t* from, int64_t length, float* to) {
  const D d;
  const hn::Rebind<Narrow, D> narrow;
  for (int64_t k = 0; k < length; k += static_cast<int64_t>(hn::Lanes(d))) {
    const auto value = hn::LoadU(narrow, reinterpret_cast<const Narrow*>(from + k));
    hn::StoreU(hn::PromoteTo(d, value), d, to + k);
  }
}

void widen_float16_of(const uint16_t* from, int64_t length, float* to) {
  widen<hwy::float16_t>(from, length, to);
}
void widen_bfloat16_of(const uint16_t* from, int64_t length, float* to) {
  widen<hwy::bfloat16_t>(from, length, to);
}
const char* target_name() {
  return hwy::TargetName(HWY_TARGET);
}

}  // namespace cq::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cq::kernels {

HWY_EXPORT(pair_sums_of);
HWY_EXPORT(row_sums_of);
HWY_EXPORT(widen_float16_of);
HWY_EXPORT(widen_bfloat16_of);
HWY_EXPORT(target_name);

void pair_sums(PairSum sum, const PairBlock& block, float* out) {
  HWY_DYNAMIC_DISPATCH(pair_sums_of)(sum, block, out);
}
void row_sums(const float* row, int64_t length, float* out) {
  HWY_DYNAMIC_DISPATCH(row_sums_of)(row, length, out);
}
void widen_float16(const uint16_t* from, int64_t length, float* to) {
  HWY_DYNAMIC_DISPATCH(widen_float16_of)(from, length, to);
}
void widen_bfloat16(const uint16_t* from, int64_t length, float* to) {
  HWY_DYNAMIC_DISPATCH(widen_bfloat16_of)(from, length, to);
}
const char* distance_target() {
  return HWY_DYNAMIC_DISPATCH(target_name)();
}

}  // namespace cq::kernels
#endif
