#include "cq/core/kernels/group_norm.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cq/core/kernels/group_norm.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cq/core/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cq::kernels::HWY_NAMESPACE {

constexpr int64_t kTile = 8;  // rows that are summed before their sum is added to the part's

/// Of a part and one operand, a value a channel: what is taken off, and the sums of the rest and of
/// its squares.
struct Moments {
  float* shift;
  float* sum;
  float* squares;
};

// About the channel's mean over the part: differences from it lose no digits.
template <class T>
HWY_INLINE void set_shift(const Rows<const T>& x, int64_t first, int64_t last, int64_t channels,
                          const Moments& m) {
  // Codes are small whole numbers: their sums over a part are exact as they are.
  constexpr bool kCoded = sizeof(T) == 1;
  const int64_t samples = std::min(kTile, last - first);
  const VF inverse = hn::Set(DF(), 1.0F / float(samples));
  over_row(channels, [&](const auto& at) HWY_ATTR {
    VF sum = hn::Zero(DF());
    for (int64_t i = 0; !kCoded && i < samples; ++i) {
      sum = hn::Add(sum, at.load(x.row(first + i * (last - first) / samples)));
    }
    at.store(hn::Mul(sum, inverse), m.shift);
    at.store(hn::Zero(DF()), m.sum);
    at.store(hn::Zero(DF()), m.squares);
  });
}

template <int64_t kRows, class T>
HWY_INLINE void add_rows(const Rows<const T>& x, int64_t first, int64_t channels,
                         const Moments& m) {
  const T* start = x.row(first);
  over_row(channels, [&](const auto& at) HWY_ATTR {
    const VF shift = at.load(m.shift);
    VF sum = hn::Sub(at.load(start), shift);
    VF squares = hn::Mul(sum, sum);
    HWY_UNROLL(kTile)
    for (int64_t i = 1; i < kRows; ++i) {
      const VF difference = hn::Sub(at.load(start + i * x.stride), shift);
      sum = hn::Add(sum, difference);
      squares = hn::MulAdd(difference, difference, squares);
    }
    at.store(hn::Add(at.load(m.sum), sum), m.sum);
    at.store(hn::Add(at.load(m.squares), squares), m.squares);
  });
}

template <class T>
HWY_INLINE void part_moments(const Rows<const T>& x, int64_t first, int64_t last, int64_t channels,
                             const Moments& m) {
  set_shift(x, first, last, channels, m);
  int64_t r = first;
  for (; r + kTile <= last; r += kTile) add_rows<kTile>(x, r, channels, m);
  for (; r < last; ++r) add_rows<1>(x, r, channels, m);
}

void group_norm_moments_of(const GroupNorm& n, int64_t first, int64_t last) {
  const int64_t parts = group_norm_parts(n), channels = n.channels();
  for (int64_t i = first; i < last; ++i) {
    const int64_t image = i / parts, part = i % parts;
    const int64_t begin = image * n.positions + part * n.positions / parts;
    const int64_t end = image * n.positions + (part + 1) * n.positions / parts;
    float* to = n.moments + i * 3 * channels;
    for (const auto& o : n.operands) {
      if (o.channels == 0) continue;
      const Moments m{to, to + channels, to + 2 * channels};
      if (o.x.floats) {
        part_moments(o.x.floats, begin, end, o.channels, m);
      } else {
        part_moments(o.x.codes, begin, end, o.channels, m);
      }
      to += o.channels;
    }
  }
}

}  // namespace cq::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cq::kernels {

HWY_EXPORT(group_norm_moments_of);

namespace {

struct Total {
  double mean, squares;  ///< squares: sum of squared differences from the mean
};

/// Values x of a channel are slope y + intercept of what the moments are of.
struct Channel {
  double slope = 1, intercept = 0;
};

template <bool kFloats>
Channel channel_of(const GroupNorm& n, int64_t c) {
  if constexpr (kFloats) return {};
  const bool second = c >= n.operands[0].channels;
  const auto& o = n.operands[second ? 1 : 0];
  if (o.x.floats) return {};
  if (second) c -= n.operands[0].channels;
  return {o.slope[c], o.intercept[c]};
}

/// Moments of the channels [begin, end), a group, over an image. What is summed are differences
/// from the first channel's shift; a float's 24 bits leave room for their squares in a double.
template <bool kFloats>
Total group_total(const GroupNorm& n, int64_t image, int64_t begin, int64_t end) {
  const int64_t parts = group_norm_parts(n), channels = n.channels();
  const float* moments = n.moments + image * parts * 3 * channels;
  const auto first = channel_of<kFloats>(n, begin);
  const double reference = first.slope * double(moments[begin]) + first.intercept;
  double sum = 0, squares = 0;
  for (int64_t p = 0; p < parts; ++p) {
    const int64_t rows_of_part = (p + 1) * n.positions / parts - p * n.positions / parts;
    const auto rows = double(rows_of_part);
    const float* m = moments + p * 3 * channels;
    for (int64_t c = begin; c < end; ++c) {
      const auto k = channel_of<kFloats>(n, c);
      const double off = k.slope * double(m[c]) + k.intercept - reference;
      const double own = k.slope * double(m[channels + c]);
      sum += rows * off + own;
      squares += k.slope * k.slope * double(m[2 * channels + c]) + off * (2 * own + rows * off);
    }
  }
  const double mean = sum / double((end - begin) * n.positions);
  return {reference + mean, squares - sum * mean};
}

template <bool kFloats>
void factors_of(const GroupNorm& n, int64_t image) {
  const int64_t width = n.channels() / n.groups;
  const float* scale = n.scale ? n.scale.row(image) : nullptr;
  const float* shift = n.scale ? n.shift.row(image) : nullptr;
  float *factors = n.factor.row(image), *offsets = n.offset.row(image);
  for (int64_t g = 0; g < n.groups; ++g) {
    const Total total = group_total<kFloats>(n, image, g * width, (g + 1) * width);
    const double variance = std::max(total.squares / double(width * n.positions), 0.0);
    const double inverse = 1 / std::sqrt(variance + n.eps);
    for (int64_t c = g * width; c < (g + 1) * width; ++c) {
      double factor = inverse, offset = -total.mean * inverse;
      if (n.weight != nullptr) factor *= double(n.weight[c]), offset *= double(n.weight[c]);
      if (n.bias != nullptr) offset += double(n.bias[c]);
      if (scale != nullptr) {
        const double modulation = 1 + double(scale[c]);
        factor *= modulation;
        offset = offset * modulation + double(shift[c]);
      }
      const auto k = channel_of<kFloats>(n, c);
      factors[c] = float(factor * k.slope);
      offsets[c] = float(offset + factor * k.intercept);
    }
  }
}

}  // namespace

int64_t group_norm_workspace(const GroupNorm& norm, int64_t images) {
  return images * group_norm_parts(norm) * norm.channels() * 3;
}

void group_norm_moments(const GroupNorm& norm, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(group_norm_moments_of)(norm, first, last);
}

void group_norm_factors(const GroupNorm& n, int64_t first, int64_t last) {
  const bool floats = !n.operands[0].x.codes && !n.operands[1].x.codes;
  for (int64_t image = first; image < last; ++image) {
    if (floats) {
      factors_of<true>(n, image);
    } else {
      factors_of<false>(n, image);
    }
  }
}

}  // namespace cq::kernels
#endif
