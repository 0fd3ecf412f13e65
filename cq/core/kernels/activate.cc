#include "cq/core/kernels/activate.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cq/core/kernels/activate.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cq/core/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cq::kernels::HWY_NAMESPACE {

/// The activated values of one row at `at`; T is float or uint8_t.
template <Act kAct, bool kAffine, class T>
struct ActivatedRow {
  const T* x;
  const float* factor;
  const float* offset;
  int64_t channels;
  template <class At>
  HWY_INLINE VF operator()(const At& at) const {
    if constexpr (kAct == Act::geglu) {
      return hn::Mul(at.load(x), gelu_erf(at.load(x + channels)));
    } else if constexpr (kAffine) {
      return act_of<kAct>(hn::MulAdd(at.load(factor), at.load(x), at.load(offset)));
    } else {
      return act_of<kAct>(at.load(x));
    }
  }
};

template <Act kAct, bool kAffine, class T>
HWY_INLINE ActivatedRow<kAct, kAffine, T> activated_row(const Activate& a, int64_t row,
                                                        int64_t image) {
  const T* x;
  if constexpr (sizeof(T) == 1) {
    x = a.x.codes.row(row);
  } else {
    x = a.x.floats.row(row);
  }
  if constexpr (!kAffine) return {x, nullptr, nullptr, a.channels};
  return {x, a.factor.row(image), a.offset.row(image), a.channels};
}

template <Act kAct, bool kAffine, class T>
void activate_rows(const Activate& a, int64_t first, int64_t last) {
  const Encoder encode(a.out);
  const VF inverse = hn::Set(DF(), a.out.range.inverse_scale);
  int64_t image = first / a.rows_per_image, next = (image + 1) * a.rows_per_image;
  for (int64_t r = first; r < last; ++r) {
    if (r == next) ++image, next += a.rows_per_image;
    const auto row = activated_row<kAct, kAffine, T>(a, r, image);
    uint8_t* codes = a.out.codes.row(r);
    over_row(a.channels, [&](const auto& at) HWY_ATTR {
      at.store_bytes(encode(hn::Mul(row(at), inverse)), codes);
    });
    store_sums(a.out, r, a.channels);
  }
}

template <Act kAct, bool kAffine>
void pooled_rows(const Activate& a, const Pooling& p, int64_t first, int64_t last) {
  const Encoder encode(a.out);
  const VF inverse = hn::Set(DF(), a.out.range.inverse_scale), quarter = hn::Set(DF(), 0.25F);
  for (int64_t r = first; r < last; ++r) {
    const int64_t image = r / a.rows_per_image, position = r % a.rows_per_image;
    const int64_t y = 2 * (position / p.out_width), x = 2 * (position % p.out_width);
    const int64_t above = image * p.in_positions + y * p.in_width + x, below = above + p.in_width;
    const auto row = [&](int64_t i)
                         HWY_ATTR { return activated_row<kAct, kAffine, float>(a, i, image); };
    const auto r0 = row(above), r1 = row(above + 1), r2 = row(below), r3 = row(below + 1);
    uint8_t* codes = a.out.codes.row(r);
    over_row(a.channels, [&](const auto& at) HWY_ATTR {
      const VF sum = hn::Add(hn::Add(hn::Add(r0(at), r1(at)), r2(at)), r3(at));
      at.store_bytes(encode(hn::Mul(hn::Mul(sum, quarter), inverse)), codes);
    });
    store_sums(a.out, r, a.channels);
  }
}

/// run(template arguments) for the activation that was asked for.
template <template <Act> class Run, class... Args>
void with_act(Act act, const Args&... args) {
  switch (act) {
    case Act::none:
      return Run<Act::none>::run(args...);
    case Act::silu:
      return Run<Act::silu>::run(args...);
    case Act::gelu_tanh:
      return Run<Act::gelu_tanh>::run(args...);
    case Act::gelu_erf:
      return Run<Act::gelu_erf>::run(args...);
    case Act::geglu:
      return Run<Act::geglu>::run(args...);
    case Act::quick_gelu:
      return Run<Act::quick_gelu>::run(args...);
    case Act::relu:
      return Run<Act::relu>::run(args...);
  }
}

template <Act kAct>
struct RunActivate {
  static void run(const Activate& a, int64_t first, int64_t last) {
    if (kAct != Act::geglu && a.x.codes) return activate_rows<kAct, true, uint8_t>(a, first, last);
    if (kAct != Act::geglu && a.factor) return activate_rows<kAct, true, float>(a, first, last);
    activate_rows<kAct, false, float>(a, first, last);
  }
};

template <Act kAct>
struct RunPooled {
  static void run(const Activate& a, const Pooling& p, int64_t first, int64_t last) {
    if (kAct != Act::geglu && a.factor) return pooled_rows<kAct, true>(a, p, first, last);
    pooled_rows<kAct, false>(a, p, first, last);
  }
};

/// Rows that lie one after the other and are treated alike are one long row.
bool is_one_row(const Activate& a) {
  return a.x.floats && !a.factor && a.act != Act::geglu && a.out.sums == nullptr &&
         a.x.floats.stride == a.channels && a.out.codes.stride == a.channels;
}

void activate_of(const Activate& a, int64_t first, int64_t last) {
  if (!is_one_row(a)) return with_act<RunActivate>(a.act, a, first, last);
  Activate whole = a;
  whole.x.floats.data = a.x.floats.row(first);
  whole.out.codes.data = a.out.codes.row(first);
  whole.channels = (last - first) * a.channels;
  with_act<RunActivate>(a.act, whole, int64_t(0), int64_t(1));
}

void code_sums_of(const CodeOutput& out, int64_t channels, int64_t first, int64_t last) {
  for (int64_t r = first; r < last; ++r) store_sums(out, r, channels);
}

void activate_pooled_of(const Activate& a, const Pooling& p, int64_t first, int64_t last) {
  with_act<RunPooled>(a.act, a, p, first, last);
}

}  // namespace cq::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cq::kernels {

HWY_EXPORT(activate_of);
HWY_EXPORT(activate_pooled_of);
HWY_EXPORT(code_sums_of);

void activate(const Activate& a, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(activate_of)(a, first, last);
}
void code_sums(const CodeOutput& out, int64_t channels, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(code_sums_of)(out, channels, first, last);
}
void activate_pooled(const Activate& a, const Pooling& p, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(activate_pooled_of)(a, p, first, last);
}

}  // namespace cq::kernels
#endif
