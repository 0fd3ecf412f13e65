#include "cq/core/kernels/peak.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cq/core/kernels/peak.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace cq::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DF = hn::ScalableTag<float>;
constexpr int64_t kChains = 12;  // enough to hide the latency of four or five on two ports

void triad_of(float* a, const float* b, const float* c, float factor, int64_t count) {
  const DF d;
  const auto s = hn::Set(d, factor);
  const auto lanes = int64_t(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::MulAdd(s, hn::LoadU(d, c + i), hn::LoadU(d, b + i)), d, a + i);
  }
  for (; i < count; ++i) a[i] = b[i] + factor * c[i];
}

HWY_NOINLINE float float_loop(int64_t rounds) {
  const DF d;
  const auto x = hn::Set(d, 0.999F), y = hn::Set(d, 1e-3F);
  auto s0 = hn::Iota(d, 0.0F), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;
  auto s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;
  for (int64_t i = 0; i < rounds; ++i) {
    s0 = hn::MulAdd(s0, x, y), s1 = hn::MulAdd(s1, x, y), s2 = hn::MulAdd(s2, x, y);
    s3 = hn::MulAdd(s3, x, y), s4 = hn::MulAdd(s4, x, y), s5 = hn::MulAdd(s5, x, y);
    s6 = hn::MulAdd(s6, x, y), s7 = hn::MulAdd(s7, x, y), s8 = hn::MulAdd(s8, x, y);
    s9 = hn::MulAdd(s9, x, y), s10 = hn::MulAdd(s10, x, y), s11 = hn::MulAdd(s11, x, y);
  }
  const auto low = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
  const auto mid = hn::Add(hn::Add(s4, s5), hn::Add(s6, s7));
  const auto high = hn::Add(hn::Add(s8, s9), hn::Add(s10, s11));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(low, hn::Add(mid, high))));
}

#if HWY_TARGET == HWY_SCALAR
// One lane holds no pair of 16-bit values.
float int16_loop(int64_t rounds) {
  volatile int16_t operand = 3;
  int32_t sum = 0;
  for (int64_t i = 0; i < rounds; ++i) sum += int32_t(operand) * int32_t(operand);
  return float(sum);
}
int64_t int16_products() {
  return 1;
}
#else
// Each product depends on the sum before it, or the compiler would hoist it out of the loop.
HWY_NOINLINE float int16_loop(int64_t rounds) {
  const hn::Repartition<int32_t, DF> d;
  const hn::Repartition<int16_t, DF> d16;
  const auto y = hn::Iota(d16, 1);
  auto s0 = hn::Iota(d, 1), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  auto odd = hn::Zero(d);
  const auto next = [&](auto s) HWY_ATTR {
    return hn::ReorderWidenMulAccumulate(d, hn::BitCast(d16, s), y, s, odd);
  };
  for (int64_t i = 0; i < rounds; ++i) {
    s0 = next(s0), s1 = next(s1), s2 = next(s2), s3 = next(s3);
    s4 = next(s4), s5 = next(s5), s6 = next(s6), s7 = next(s7);
  }
  auto sum = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), odd);
  sum = hn::Add(sum, hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)));
  return float(hn::GetLane(hn::SumOfLanes(d, sum)));
}
int64_t int16_products() {
  return 8 * int64_t(hn::Lanes(hn::Repartition<int16_t, DF>()));
}
#endif

float peak_loop_of(PeakKind kind, int64_t rounds) {
  return kind == PeakKind::float32 ? float_loop(rounds) : int16_loop(rounds);
}

int64_t peak_operations_of(PeakKind kind) {
  if (kind == PeakKind::int16) return 2 * int16_products();
  return 2 * kChains * int64_t(hn::Lanes(DF()));
}

}  // namespace cq::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cq::kernels {

HWY_EXPORT(triad_of);
HWY_EXPORT(peak_loop_of);
HWY_EXPORT(peak_operations_of);

void triad(float* a, const float* b, const float* c, float factor, int64_t count) {
  HWY_DYNAMIC_DISPATCH(triad_of)(a, b, c, factor, count);
}
float peak_loop(PeakKind kind, int64_t rounds) {
  return HWY_DYNAMIC_DISPATCH(peak_loop_of)(kind, rounds);
}
int64_t peak_operations(PeakKind kind) {
  return HWY_DYNAMIC_DISPATCH(peak_operations_of)(kind);
}

}  // namespace cq::kernels
#endif
