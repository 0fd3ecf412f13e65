#include "cq/core/kernels/epilogue.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cq/core/kernels/epilogue.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cq/core/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cq::kernels::HWY_NAMESPACE {

template <class T>
HWY_INLINE const T* row_or_null(const Rows<const T>& rows, int64_t i) {
  return rows ? rows.row(i) : nullptr;
}

template <class T>
HWY_INLINE void epilogue_row(const Epilogue& e, const T* product, int64_t r) {
  const DF d;
  const int64_t image = r / e.rows_per_image;
  const float* addend = row_or_null(e.addend, r);
  const float* channel_bias = row_or_null(e.channel_bias, image);
  const float* gate = row_or_null(e.gate, image);
  const float* residual = row_or_null(e.residual, r);
  const float* term_factors[2];
  float terms[2];
  for (int i = 0; i < 2; ++i) {
    terms[i] = e.terms[i].sums == nullptr ? 0.0F : float(e.terms[i].sums[r]);
    term_factors[i] = e.terms[i].sums == nullptr ? nullptr : e.terms[i].factor;
  }
  float* out = e.out.row(r);
  over_row(e.channels, [&](const auto& at) HWY_ATTR {
    VF y = at.load(product);
    if (e.factor != nullptr) y = hn::Mul(y, at.load(e.factor));
    if (e.bias != nullptr) y = hn::Add(y, at.load(e.bias));
    for (int i = 0; i < 2; ++i) {
      if (term_factors[i] == nullptr) continue;
      y = hn::MulAdd(hn::Set(d, terms[i]), at.load(term_factors[i]), y);
    }
    if (addend != nullptr) y = hn::Add(y, at.load(addend));
    if (channel_bias != nullptr) y = hn::Add(y, at.load(channel_bias));
    if (gate != nullptr) y = hn::Mul(y, at.load(gate));
    if (residual != nullptr) y = hn::Add(y, at.load(residual));
    at.store(y, out);
  });
}

void epilogue_of(const Epilogue& e, int64_t first, int64_t last) {
  for (int64_t r = first; r < last; ++r) {
    if (e.sums) {
      epilogue_row(e, e.sums.row(r), r);
    } else {
      epilogue_row(e, e.products.row(r), r);
    }
  }
}

void decode_of(const Decode& d, int64_t first, int64_t last) {
  for (int64_t r = first; r < last; ++r) {
    const uint8_t* codes = d.codes.row(r);
    const float* residual = row_or_null(d.residual, r);
    float* out = d.out.row(r);
    over_row(d.channels, [&](const auto& at) HWY_ATTR {
      VF y = hn::MulAdd(at.load(codes), at.load(d.slope), at.load(d.intercept));
      if (residual != nullptr) y = hn::Add(y, at.load(residual));
      at.store(y, out);
    });
  }
}

}  // namespace cq::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cq::kernels {

HWY_EXPORT(epilogue_of);
HWY_EXPORT(decode_of);

void epilogue(const Epilogue& e, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(epilogue_of)(e, first, last);
}
void decode(const Decode& d, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(decode_of)(d, first, last);
}

}  // namespace cq::kernels
#endif
