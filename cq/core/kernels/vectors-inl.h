// What the Highway kernels share, compiled once per instruction set: whole and partial vectors of a
// row, activations, codes. To be included after hwy/highway.h.
#if defined(CQ_KERNELS_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CQ_KERNELS_VECTORS_INL_H_
#undef CQ_KERNELS_VECTORS_INL_H_
#else
#define CQ_KERNELS_VECTORS_INL_H_
#endif

#include <cstring>

#include <hwy/highway.h>

#include "cq/core/kernels/rows.h"

HWY_BEFORE_NAMESPACE();
namespace cq::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<DF>;
using DU = hn::RebindToUnsigned<DF>;
using D8 = hn::Rebind<uint8_t, DF>;
using VF = hn::Vec<DF>;
using VI = hn::Vec<DI>;

HWY_INLINE int64_t lanes() {
  return int64_t(hn::Lanes(DF()));
}

HWY_INLINE VF load_as_float(const float* p) {
  return hn::LoadU(DF(), p);
}
HWY_INLINE VF load_as_float(const int32_t* p) {
  return hn::ConvertTo(DF(), hn::LoadU(DI(), p));
}
HWY_INLINE VF load_as_float(const uint8_t* p) {
  return hn::ConvertTo(DF(), hn::PromoteTo(DI(), hn::LoadU(D8(), p)));
}

/// A whole vector at `at` in whatever row.
struct Whole {
  int64_t at;
  template <class T>
  HWY_INLINE VF load(const T* row) const {
    return load_as_float(row + at);
  }
  HWY_INLINE VI load_int(const int32_t* row) const { return hn::LoadU(DI(), row + at); }
  HWY_INLINE void store(VF v, float* row) const { hn::StoreU(v, DF(), row + at); }
  HWY_INLINE void store_int(VI v, int32_t* row) const { hn::StoreU(v, DI(), row + at); }
  HWY_INLINE void store_bytes(hn::Vec<D8> v, uint8_t* row) const { hn::StoreU(v, D8(), row + at); }
};

/// The first `count` values, fewer than a vector, zeros past them; no memory beyond is touched.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_first(D d, const T* p, int64_t count) {
#if HWY_TARGET <= HWY_AVX3
  return hn::MaskedLoad(hn::FirstN(d, size_t(count)), d, p);
#else  // which may touch what it masks
  HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(float)] = {};
  std::memcpy(buffer, p, size_t(count) * sizeof(T));
  return hn::LoadU(d, buffer);
#endif
}
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_first(hn::Vec<D> v, D d, T* p, int64_t count) {
#if HWY_TARGET <= HWY_AVX3
  hn::BlendedStore(v, hn::FirstN(d, size_t(count)), d, p);
#else
  HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(float)];
  hn::StoreU(v, d, buffer);
  std::memcpy(p, buffer, size_t(count) * sizeof(T));
#endif
}

HWY_INLINE VF load_first_as_float(const float* p, int64_t count) {
  return load_first(DF(), p, count);
}
HWY_INLINE VF load_first_as_float(const int32_t* p, int64_t count) {
  return hn::ConvertTo(DF(), load_first(DI(), p, count));
}
HWY_INLINE VF load_first_as_float(const uint8_t* p, int64_t count) {
  return hn::ConvertTo(DF(), hn::PromoteTo(DI(), load_first(D8(), p, count)));
}

/// The last `count` values of a row, fewer than a vector.
struct Part {
  int64_t at, count;
  template <class T>
  HWY_INLINE VF load(const T* row) const {
    return load_first_as_float(row + at, count);
  }
  HWY_INLINE VI load_int(const int32_t* row) const { return load_first(DI(), row + at, count); }
  HWY_INLINE void store(VF v, float* row) const { store_first(v, DF(), row + at, count); }
  HWY_INLINE void store_int(VI v, int32_t* row) const { store_first(v, DI(), row + at, count); }
  HWY_INLINE void store_bytes(hn::Vec<D8> v, uint8_t* row) const {
    store_first(v, D8(), row + at, count);
  }
};

/// body(Whole or Part) over the vectors of a row.
template <class Body>
HWY_INLINE void over_row(int64_t channels, const Body& body) {
  const int64_t step = lanes();
  int64_t c = 0;
  for (; c + step <= channels; c += step) body(Whole{c});
  if (c < channels) body(Part{c, channels - c});
}

/// 1 / x to about 2^-23, for x of at most 2^126.
HWY_INLINE VF reciprocal(VF x) {
#if HWY_ARCH_X86
  // 12 bits or more to begin with, doubled by a step of Newton's; divisions take much longer.
  const VF guess = hn::ApproximateReciprocal(x);
  return hn::Mul(guess, hn::NegMulAdd(x, guess, hn::Set(DF(), 2.0F)));
#else
  return hn::Div(hn::Set(DF(), 1.0F), x);
#endif
}

// Added to a float below 2^22 in magnitude, it leaves the nearest integer (halves to even) in the
// low bits of the sum.
constexpr float kRounder = 12582912.0F;  // 1.5 2^23
constexpr int32_t kRounderBits = 0x4B400000;

/// 2^x for -126 <= x <= 126, relative error below 2e-7 (minimax polynomials of degree 5 with 2^0 =
/// 1).
HWY_INLINE VF exp2_of(VF x) {
  const DF d;
#if HWY_TARGET <= HWY_AVX3
  // The fraction, from 0 on, and the scaling by a power of two in one instruction each.
  constexpr int kFraction = 1;  // x - floor(x)
  const VF f{_mm512_reduce_ps(x.raw, kFraction)};
  VF p = hn::MulAdd(f, hn::Set(d, 0.0018671304F), hn::Set(d, 0.00901703F));
  p = hn::MulAdd(f, p, hn::Set(d, 0.055799913F));
  p = hn::MulAdd(f, p, hn::Set(d, 0.24016444F));
  p = hn::MulAdd(f, p, hn::Set(d, 0.6931513F));
  p = hn::MulAdd(f, p, hn::Set(d, 1.0F));
  return VF{_mm512_scalef_ps(p.raw, x.raw)};
#else
  const DI di;
  const VF shifted = hn::Add(x, hn::Set(d, kRounder));
  const VF f = hn::Sub(x, hn::Sub(shifted, hn::Set(d, kRounder)));
  VF p = hn::MulAdd(f, hn::Set(d, 0.00132647273F), hn::Set(d, 0.00967151299F));
  p = hn::MulAdd(f, p, hn::Set(d, 0.0555073358F));
  p = hn::MulAdd(f, p, hn::Set(d, 0.240222424F));
  p = hn::MulAdd(f, p, hn::Set(d, 0.693147004F));
  p = hn::MulAdd(f, p, hn::Set(d, 1.0F));
  // The rounder's own bits leave on the left.
  const VI exponent = hn::ShiftLeft<23>(hn::BitCast(di, shifted));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), exponent));
#endif
}

constexpr float kLog2E = 1.44269504F;

/// x / (1 + 2^y): x times the logistic function of -y ln 2, for |x| below 1e34 (where it is
/// negligible it is not yet zero).
HWY_INLINE VF gated(VF x, VF y) {
  const VF most = hn::Min(y, hn::Set(DF(), 126.0F));
#if HWY_TARGET <= HWY_AVX3
  const VF e = exp2_of(most);  // which goes to zero by itself
#else
  const VF e = exp2_of(hn::Max(most, hn::Set(DF(), -126.0F)));
#endif
  return hn::Mul(x, reciprocal(hn::Add(e, hn::Set(DF(), 1.0F))));
}

/// x Phi(x) = max(x, 0) - |x| Q(|x|), where 2 Q is erfc of |x| / sqrt(2) by Abramowitz and Stegun
/// 7.1.26 (|error| below 1.5e-7).
HWY_INLINE VF gelu_erf(VF x) {
  const DF d;
  const VF size = hn::Abs(x);
  const VF t = reciprocal(hn::MulAdd(size, hn::Set(d, 0.231641888F), hn::Set(d, 1.0F)));
  VF p = hn::MulAdd(t, hn::Set(d, 0.5307027145F), hn::Set(d, -0.7265760135F));
  p = hn::MulAdd(t, p, hn::Set(d, 0.7107068705F));
  p = hn::MulAdd(t, p, hn::Set(d, -0.142248368F));
  p = hn::MulAdd(t, p, hn::Set(d, 0.127414796F));
  const VF y = hn::Mul(hn::Mul(size, hn::Set(d, -0.5F * kLog2E)), size);
  const VF e = exp2_of(hn::Max(y, hn::Set(d, -126.0F)));
  const VF tail = hn::Mul(hn::Mul(hn::Mul(size, t), p), e);
  return hn::Sub(hn::Max(x, hn::Zero(d)), tail);
}

template <Act kAct>
HWY_INLINE VF act_of(VF x) {
  const DF d;
  if constexpr (kAct == Act::silu) {
    return gated(x, hn::Mul(x, hn::Set(d, -kLog2E)));
  } else if constexpr (kAct == Act::quick_gelu) {
    return gated(x, hn::Mul(x, hn::Set(d, -1.702F * kLog2E)));
  } else if constexpr (kAct == Act::gelu_tanh) {
    // (1 + tanh u) / 2 is the logistic function of 2 u, u = sqrt(2 / pi) (x + 0.044715 x^3).
    constexpr float kLinear = -2.0F * 0.797884561F * kLog2E;
    const VF slope =
        hn::MulAdd(hn::Mul(x, x), hn::Set(d, kLinear * 0.044715F), hn::Set(d, kLinear));
    return gated(x, hn::Mul(x, slope));
  } else if constexpr (kAct == Act::gelu_erf) {
    return gelu_erf(x);
  } else if constexpr (kAct == Act::relu) {
    return hn::Max(x, hn::Zero(d));
  } else {
    return x;
  }
}

/// A quantizer held in registers.
struct Encoder {
  float low, high;
  int32_t base, flip;
  explicit Encoder(const CodeOutput& out)
      : low(float(-out.range.zero_point)),
        high(float(out.range.top - out.range.zero_point)),
        base(kRounderBits - out.range.zero_point),
        flip(out.as_signed ? 128 : 0) {}
  /// Of values in units of the scale.
  HWY_INLINE hn::Vec<D8> operator()(VF steps) const {
    const DF d;
    const DI di;
    const VF inside = hn::Min(hn::Max(steps, hn::Set(d, low)), hn::Set(d, high));
    const VI bits = hn::BitCast(di, hn::Add(inside, hn::Set(d, kRounder)));
    const VI code = hn::Xor(hn::Sub(bits, hn::Set(di, base)), hn::Set(di, flip));
    return hn::U8FromU32(hn::BitCast(DU(), code));
  }
};

HWY_INLINE int64_t sum_of_bytes(const uint8_t* bytes, int64_t count, uint8_t flip) {
  int64_t i = 0, sum = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<uint8_t> d8;
  const hn::ScalableTag<uint64_t> d64;
  const auto step = int64_t(hn::Lanes(d8));
  auto sums = hn::Zero(d64);
  for (; i + step <= count; i += step) {
    const auto codes = hn::Xor(hn::LoadU(d8, bytes + i), hn::Set(d8, flip));
    sums = hn::Add(sums, hn::SumsOf8(codes));
  }
  sum = int64_t(hn::GetLane(hn::SumOfLanes(d64, sums)));
#endif
  for (; i < count; ++i) sum += bytes[i] ^ flip;
  return sum;
}

/// The row's sums, from the codes that were stored.
HWY_INLINE void store_sums(const CodeOutput& out, int64_t row, int64_t channels) {
  if (out.sums == nullptr) return;
  const int64_t width = channels / out.segments;
  for (int64_t s = 0; s < out.segments; ++s) {
    const uint8_t* codes = out.codes.row(row) + s * width;
    const int64_t sum = sum_of_bytes(codes, width, out.as_signed ? 128 : 0);
    out.sums[row * out.segments + s] = int32_t(sum - width * out.range.zero_point);
  }
}

}  // namespace cq::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
