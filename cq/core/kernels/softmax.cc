#include "cq/core/kernels/softmax.h"

#include <algorithm>
#include <limits>

#include <hwy/cache_control.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cq/core/kernels/softmax.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cq/core/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cq::kernels::HWY_NAMESPACE {

/// The scores of a row, whole numbers or floats, as differences from the row's largest.
struct IntScores {
  int32_t* row;
  const int32_t* terms;
  int32_t most = 0;

  template <class At>
  HWY_INLINE VI sum(const At& at) const {
    const VI sum = at.load_int(row);
    return terms == nullptr ? sum : hn::Add(sum, at.load_int(terms));
  }
  HWY_INLINE void find_most(int64_t columns) {
    const DI d;
    const int64_t step = lanes(), whole = columns / step * step;
    most = std::numeric_limits<int32_t>::min();
    VI largest = hn::Set(d, most);
    for (int64_t j = 0; j < whole; j += step) largest = hn::Max(largest, sum(Whole{j}));
    most = hn::GetLane(hn::MaxOfLanes(d, largest));
    for (int64_t j = whole; j < columns; ++j) {
      most = std::max(most, row[j] + (terms == nullptr ? 0 : terms[j]));
    }
  }
  template <class At>
  HWY_INLINE VF below(const At& at) const {
    return hn::ConvertTo(DF(), hn::Sub(sum(at), hn::Set(DI(), most)));
  }
  template <class At>
  HWY_INLINE void keep(VF v, const At& at) const {
    at.store_int(hn::BitCast(DI(), v), row);
  }
  template <class At>
  HWY_INLINE VF kept(const At& at) const {
    return hn::BitCast(DF(), at.load_int(row));
  }
};

struct FloatScores {
  float* row;
  float most = 0;

  HWY_INLINE void find_most(int64_t columns) {
    const DF d;
    const int64_t step = lanes(), whole = columns / step * step;
    most = -std::numeric_limits<float>::infinity();
    VF largest = hn::Set(d, most);
    for (int64_t j = 0; j < whole; j += step) largest = hn::Max(largest, load_as_float(row + j));
    most = hn::GetLane(hn::MaxOfLanes(d, largest));
    for (int64_t j = whole; j < columns; ++j) most = std::max(most, row[j]);
  }
  template <class At>
  HWY_INLINE VF below(const At& at) const {
    return hn::Sub(at.load(row), hn::Set(DF(), most));
  }
  template <class At>
  HWY_INLINE void keep(VF v, const At& at) const {
    at.store(v, row);
  }
  template <class At>
  HWY_INLINE VF kept(const At& at) const {
    return at.load(row);
  }
};

/// Values from 0 on, in units of the scale, to codes of 8 bits without a zero point: the conversion
/// clamps.
struct UnsignedEncoder {
  HWY_INLINE hn::Vec<D8> operator()(VF steps) const {
#if HWY_TARGET <= HWY_AVX3
    return hn::Vec<D8>{_mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(steps.raw))};
#else
    return hn::DemoteTo(D8(), hn::NearestInt(steps));
#endif
  }
};

template <class Scores, class Encode>
HWY_INLINE void softmax_row(const Softmax& s, Scores scores, const Encode& encode, int64_t r,
                            const void* next) {
  const DF d;
  scores.find_most(s.columns);
  const VF exponent = hn::Set(d, s.factor * kLog2E), least = hn::Set(d, -126.0F);
  VF sum = hn::Zero(d);
  over_row(s.columns, [&](const auto& at) HWY_ATTR {
    VF e = exp2_of(hn::Max(hn::Mul(scores.below(at), exponent), least));
    if constexpr (std::is_same_v<std::decay_t<decltype(at)>, Part>) {
      e = hn::IfThenElseZero(hn::FirstN(d, size_t(at.count)), e);
    }
    sum = hn::Add(sum, e);
    scores.keep(e, at);
  });
  const float total = hn::GetLane(hn::SumOfLanes(d, sum));
  const VF steps = hn::Set(d, s.out.range.inverse_scale / total);
  uint8_t* codes = s.out.codes.row(r);
  const auto* scores_of_next = static_cast<const float*>(next);
  over_row(s.columns, [&](const auto& at) HWY_ATTR {
    hwy::Prefetch(scores_of_next + at.at);
    at.store_bytes(encode(hn::Mul(scores.kept(at), steps)), codes);
  });
  store_sums(s.out, r, s.columns);
}

template <class Encode>
void softmax_rows(const Softmax& s, const Encode& encode, int64_t first, int64_t last) {
  for (int64_t r = first; r < last; ++r) {
    // While a row's codes are computed, the next row's scores come to the first-level cache.
    const int64_t next = std::min(r + 1, last - 1);
    if (s.scores) {
      softmax_row(s, FloatScores{s.scores.row(r)}, encode, r, s.scores.row(next));
      continue;
    }
    const int32_t* terms = s.column_terms ? s.column_terms.row(r / s.rows_per_block) : nullptr;
    softmax_row(s, IntScores{s.sums.row(r), terms}, encode, r, s.sums.row(next));
  }
}

void softmax_of(const Softmax& s, int64_t first, int64_t last) {
  const auto& range = s.out.range;
  if (range.top == 255 && range.zero_point == 0 && !s.out.as_signed) {
    softmax_rows(s, UnsignedEncoder(), first, last);
  } else {
    softmax_rows(s, Encoder(s.out), first, last);
  }
}

}  // namespace cq::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cq::kernels {

HWY_EXPORT(softmax_of);

void softmax(const Softmax& s, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(softmax_of)(s, first, last);
}

}  // namespace cq::kernels
#endif
