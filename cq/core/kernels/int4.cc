#include "cq/core/kernels/int4.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cq/core/kernels/int4.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace cq::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
// One lane holds no pair: plain C++ is what this target means.
void unpack_int4_of(const UnpackInt4& u, int64_t first, int64_t last) {
  unpack_int4_reference(u, first, last);
}
#else
void unpack_int4_of(const UnpackInt4& u, int64_t first, int64_t last) {
  const hn::ScalableTag<uint8_t> d;
  const hn::RebindToSigned<decltype(d)> ds;
  const auto low_half = hn::Set(d, 15);
  const auto step = int64_t(hn::Lanes(d));
  for (int64_t r = first; r < last; ++r) {
    const uint8_t* packed = u.packed.row(r);
    int8_t* out = u.out.row(r);
    const auto zero = hn::Set(d, u.zero_points[r]);
    int64_t i = 0;
    for (; 2 * (i + step) <= u.columns; i += step) {
      const auto pairs = hn::LoadU(d, packed + i);
      const auto even = hn::Sub(hn::And(pairs, low_half), zero);
      // No shift of bytes in this Highway: the neighbour's bits are masked off.
      const hn::Repartition<uint16_t, decltype(d)> d16;
      const auto moved = hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(d16, pairs)));
      const auto odd = hn::Sub(hn::And(moved, low_half), zero);
      hn::StoreInterleaved2(hn::BitCast(ds, even), hn::BitCast(ds, odd), ds, out + 2 * i);
    }
    for (int64_t c = 2 * i; c < u.columns; ++c) {
      out[c] = int8_t((packed[c / 2] >> (c % 2 * 4) & 15) - u.zero_points[r]);
    }
  }
}
#endif  // HWY_SCALAR

}  // namespace cq::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cq::kernels {

HWY_EXPORT(unpack_int4_of);

void unpack_int4(const UnpackInt4& u, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(unpack_int4_of)(u, first, last);
}

}  // namespace cq::kernels
#endif
