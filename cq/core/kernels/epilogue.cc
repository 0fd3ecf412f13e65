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

/// What all layers have, sums and factors, and the rest known when compiled. What is the same in
/// every row stays in registers, four vectors of channels at a time.
template <bool kBias, bool kTerm, bool kAddend, bool kChannelBias, bool kGate, bool kResidual>
struct CommonRows {
  const Epilogue& e;

  template <class At>
  HWY_INLINE VF bias(const At& at) const {
    return kBias ? at.load(e.bias) : hn::Zero(DF());
  }
  template <class At>
  HWY_INLINE VF term(const At& at) const {
    return kTerm ? at.load(e.terms[0].factor) : hn::Zero(DF());
  }

  template <class At>
  HWY_INLINE void finish(const At& at, VF factor, VF bias, VF term, int64_t r,
                         int64_t image) const {
    VF y = hn::Mul(at.load(e.sums.row(r)), factor);
    if constexpr (kBias) y = hn::Add(y, bias);
    if constexpr (kTerm) y = hn::MulAdd(hn::Set(DF(), float(e.terms[0].sums[r])), term, y);
    if constexpr (kAddend) y = hn::Add(y, at.load(e.addend.row(r)));
    if constexpr (kChannelBias) y = hn::Add(y, at.load(e.channel_bias.row(image)));
    if constexpr (kGate) y = hn::Mul(y, at.load(e.gate.row(image)));
    if constexpr (kResidual) y = hn::Add(y, at.load(e.residual.row(r)));
    at.store(y, e.out.row(r));
  }

  template <class At>
  HWY_INLINE void one_vector(const At& at, int64_t first, int64_t last) const {
    const VF f = at.load(e.factor), b = bias(at), t = term(at);
    over_rows_of_images(e.rows_per_image, first, last,
                        [&](int64_t r, int64_t image) HWY_ATTR { finish(at, f, b, t, r, image); });
  }

  void run(int64_t first, int64_t last) const {
    const int64_t n = lanes();
    int64_t c = 0;
    for (; c + 4 * n <= e.channels; c += 4 * n) {
      const Whole at0{c}, at1{c + n}, at2{c + 2 * n}, at3{c + 3 * n};
      const VF f0 = at0.load(e.factor), b0 = bias(at0), t0 = term(at0);
      const VF f1 = at1.load(e.factor), b1 = bias(at1), t1 = term(at1);
      const VF f2 = at2.load(e.factor), b2 = bias(at2), t2 = term(at2);
      const VF f3 = at3.load(e.factor), b3 = bias(at3), t3 = term(at3);
      over_rows_of_images(e.rows_per_image, first, last, [&](int64_t r, int64_t image) HWY_ATTR {
        finish(at0, f0, b0, t0, r, image);
        finish(at1, f1, b1, t1, r, image);
        finish(at2, f2, b2, t2, r, image);
        finish(at3, f3, b3, t3, r, image);
      });
    }
    for (; c + n <= e.channels; c += n) one_vector(Whole{c}, first, last);
    if (c < e.channels) one_vector(Part{c, e.channels - c}, first, last);
  }
};

template <bool... kChosen>
void choose_common(const Epilogue& e, int64_t first, int64_t last) {
  constexpr size_t kNext = sizeof...(kChosen);
  if constexpr (kNext == 6) {
    CommonRows<kChosen...>{e}.run(first, last);
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
