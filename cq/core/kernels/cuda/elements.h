#pragma once
// What CUDA kernels compute for one value. Here and in row_programs.h and product_tile.h, code is
// plain C++ that nvcc compiles for the device and that the tests compile for the CPU: what they run
// is the text that a GPU runs. Operations, their order and the polynomials are those of
// vectors-inl.h; products are fused with sums only where fmaf says so (nvcc -fmad=false), so a
// value differs from the CPU kernels' by reciprocals (there a guess and a Newton step) and by the
// order of sums over a row alone.
#include <bit>
#include <cmath>
#include <cstdint>

#include "cq/core/kernels/rows.h"

#ifdef __CUDACC__
#define CQ_DEVICE __device__ __forceinline__
#define CQ_UNROLL _Pragma("unroll")
#else
#define CQ_DEVICE inline
#define CQ_UNROLL
#endif

namespace cq::kernels::cuda {

// As in vectors-inl.h: leaves the nearest integer in the low bits of a sum.
constexpr float kRounder = 12582912.0F;  // 1.5 2^23
constexpr int32_t kRounderBits = 0x4B400000;
constexpr float kLog2E = 1.44269504F;

/// 1 / x, off by the last bit, 0 where that is tiny.
CQ_DEVICE float reciprocal(float x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return 1.0F / x;
#endif
}

/// 2^x for -126 <= x <= 126. On the device the hardware's, off by as little as the polynomial.
CQ_DEVICE float exp2_of(float x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  const float shifted = x + kRounder;
  const float f = x - (shifted - kRounder);
  float p = fmaf(f, 0.00132647273F, 0.00967151299F);
  p = fmaf(f, p, 0.0555073358F);
  p = fmaf(f, p, 0.240222424F);
  p = fmaf(f, p, 0.693147004F);
  p = fmaf(f, p, 1.0F);
  const uint32_t exponent = std::bit_cast<uint32_t>(shifted) << 23;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(p) + exponent);
#endif
}

/// x / (1 + 2^y).
CQ_DEVICE float gated(float x, float y) {
#ifdef __CUDA_ARCH__
  const float e = exp2_of(y);  // infinity or 0 beyond its range, which give 0 and x
#else
  const float e = exp2_of(fminf(fmaxf(y, -126.0F), 126.0F));
#endif
  return x * reciprocal(e + 1.0F);
}

/// x Phi(x), Abramowitz and Stegun 7.1.26.
CQ_DEVICE float gelu_erf(float x) {
  const float size = fabsf(x);
  const float t = reciprocal(fmaf(size, 0.231641888F, 1.0F));
  float p = fmaf(t, 0.5307027145F, -0.7265760135F);
  p = fmaf(t, p, 0.7107068705F);
  p = fmaf(t, p, -0.142248368F);
  p = fmaf(t, p, 0.127414796F);
  const float y = size * (-0.5F * kLog2E) * size;
  const float tail = size * t * p * exp2_of(fmaxf(y, -126.0F));
  return fmaxf(x, 0.0F) - tail;
}

/// Every activation but geglu, which takes two values.
CQ_DEVICE float act_of(Act act, float x) {
  switch (act) {
    case Act::silu:
      return gated(x, x * -kLog2E);
    case Act::quick_gelu:
      return gated(x, x * (-1.702F * kLog2E));
    case Act::gelu_tanh: {
      constexpr float kLinear = -2.0F * 0.797884561F * kLog2E;
      return gated(x, x * fmaf(x * x, kLinear * 0.044715F, kLinear));
    }
    case Act::gelu_erf:
      return gelu_erf(x);
    case Act::relu:
      return fmaxf(x, 0.0F);
    case Act::none:
    case Act::geglu:
      break;
  }
  return x;
}

/// The same of several values, asked for once.
template <int kCount>
CQ_DEVICE void activate_all(Act act, float (&x)[kCount]) {
  const auto all = [&](const auto& of) {
    CQ_UNROLL
    for (int i = 0; i < kCount; ++i) x[i] = of(x[i]);
  };
  switch (act) {
    case Act::silu:
      return all([](float v) { return act_of(Act::silu, v); });
    case Act::quick_gelu:
      return all([](float v) { return act_of(Act::quick_gelu, v); });
    case Act::gelu_tanh:
      return all([](float v) { return act_of(Act::gelu_tanh, v); });
    case Act::gelu_erf:
      return all([](float v) { return gelu_erf(v); });
    case Act::relu:
      return all([](float v) { return act_of(Act::relu, v); });
    case Act::none:
    case Act::geglu:
      break;
  }
}

/// A quantizer held in registers.
struct Encoder {
  float low, high;
  int32_t base;
  /// The code, 0 .. top, of a value in units of the scale.
  CQ_DEVICE int32_t operator()(float steps) const {
    const float inside = fminf(fmaxf(steps, low), high);
    return std::bit_cast<int32_t>(inside + kRounder) - base;
  }
};
CQ_DEVICE Encoder encoder_of(const CodeRange& range) {
  return {float(-range.zero_point), float(range.top - range.zero_point),
          kRounderBits - range.zero_point};
}

}  // namespace cq::kernels::cuda
