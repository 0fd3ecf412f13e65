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

/// Rows in order, with the image each belongs to; one division in all.
template <class Body>
HWY_INLINE void over_rows_of_images(int64_t rows_per_image, int64_t first, int64_t last,
                                    const Body& body) {
  int64_t image = first / rows_per_image;
  for (int64_t r = first; r < last; ++image) {
    const int64_t end = HWY_MIN(last, (image + 1) * rows_per_image);
    for (; r < end; ++r) body(r, image);
  }
}

template <class T>
HWY_INLINE void epilogue_row(const Epilogue& e, const T* product, int64_t r, int64_t image) {
  const DF d;
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

/// What all layers have, sums and factors, and the rest known when compiled.
template <bool kBias, bool kTerm, bool kAddend, bool kChannelBias, bool kGate, bool kResidual>
void common_rows(const Epilogue& e, int64_t first, int64_t last) {
  const float *factor = e.factor, *bias = e.bias, *term_factor = e.terms[0].factor;
  const int64_t channels = e.channels;
  over_rows_of_images(e.rows_per_image, first, last, [&](int64_t r, int64_t image) HWY_ATTR {
    const int32_t* product = e.sums.row(r);
    const float* addend = kAddend ? e.addend.row(r) : nullptr;
    const float* channel_bias = kChannelBias ? e.channel_bias.row(image) : nullptr;
    const float* gate = kGate ? e.gate.row(image) : nullptr;
    const float* residual = kResidual ? e.residual.row(r) : nullptr;
    const VF term = hn::Set(DF(), kTerm ? float(e.terms[0].sums[r]) : 0.0F);
    float* out = e.out.row(r);
    over_row(channels, [&](const auto& at) HWY_ATTR {
      VF y = hn::Mul(at.load(product), at.load(factor));
      if constexpr (kBias) y = hn::Add(y, at.load(bias));
      if constexpr (kTerm) y = hn::MulAdd(term, at.load(term_factor), y);
      if constexpr (kAddend) y = hn::Add(y, at.load(addend));
      if constexpr (kChannelBias) y = hn::Add(y, at.load(channel_bias));
      if constexpr (kGate) y = hn::Mul(y, at.load(gate));
      if constexpr (kResidual) y = hn::Add(y, at.load(residual));
      at.store(y, out);
    });
  });
}

template <bool... kChosen>
void choose_common(const Epilogue& e, int64_t first, int64_t last) {
  constexpr size_t kNext = sizeof...(kChosen);
  if constexpr (kNext == 6) {
    common_rows<kChosen...>(e, first, last);
  } else {
    const bool uses[] = {e.bias != nullptr, e.terms[0].sums != nullptr,
                         bool(e.addend),    bool(e.channel_bias),
                         bool(e.gate),      bool(e.residual)};
    if (uses[kNext]) return choose_common<kChosen..., true>(e, first, last);
    choose_common<kChosen..., false>(e, first, last);
  }
}

void epilogue_of(const Epilogue& e, int64_t first, int64_t last) {
  if (e.sums && e.factor != nullptr && e.terms[1].sums == nullptr)
    return choose_common<>(e, first, last);
  over_rows_of_images(e.rows_per_image, first, last, [&](int64_t r, int64_t image) HWY_ATTR {
    if (e.sums) {
      epilogue_row(e, e.sums.row(r), r, image);
    } else {
      epilogue_row(e, e.products.row(r), r, image);
    }
  });
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
