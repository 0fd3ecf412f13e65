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
  double mean = 0, squares = 0;  ///< squares: sum of squared differences from the mean
};

/// Values x of a channel are slope y + intercept of what the moments are of.
struct Channel {
  double slope = 1, intercept = 0;
};

Channel channel_of(const GroupNorm& n, int64_t c) {
  const bool second = c >= n.operands[0].channels;
  const auto& o = n.operands[second ? 1 : 0];
  if (o.x.floats) return {};
  if (second) c -= n.operands[0].channels;
  return {o.slope[c], o.intercept[c]};
}

/// Moments of the channels [c, end), a group, over an image.
Total group_total(const GroupNorm& n, int64_t image, int64_t begin, int64_t end) {
  const int64_t parts = group_norm_parts(n), channels = n.channels();
  const float* moments = n.moments + image * parts * 3 * channels;
  const auto each = [&](auto&& add) {
    for (int64_t p = 0; p < parts; ++p) {
      const int64_t rows = (p + 1) * n.positions / parts - p * n.positions / parts;
      const float* m = moments + p * 3 * channels;
      for (int64_t c = begin; c < end; ++c) {
        add(channel_of(n, c), double(rows), m[c], m[channels + c], m[2 * channels + c]);
      }
    }
  };
  Total total;
  each([&](const Channel& k, double rows, double shift, double sum, double) {
    total.mean += k.slope * (rows * shift + sum) + rows * k.intercept;
  });
  total.mean /= double((end - begin) * n.positions);
  each([&](const Channel& k, double rows, double shift, double sum, double squares) {
    const double off = k.slope * shift + k.intercept - total.mean;
    total.squares += k.slope * (k.slope * squares + 2 * off * sum) + rows * off * off;
  });
  return total;
}

}  // namespace

int64_t group_norm_workspace(const GroupNorm& norm, int64_t images) {
  return images * group_norm_parts(norm) * norm.channels() * 3;
}

void group_norm_moments(const GroupNorm& norm, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(group_norm_moments_of)(norm, first, last);
}

void group_norm_factors(const GroupNorm& n, int64_t first, int64_t last) {
  const int64_t width = n.channels() / n.groups;
  for (int64_t image = first; image < last; ++image) {
    for (int64_t g = 0; g < n.groups; ++g) {
      const Total total = group_total(n, image, g * width, (g + 1) * width);
      const double variance = std::max(total.squares / double(width * n.positions), 0.0);
      const double inverse = 1 / std::sqrt(variance + n.eps);
      for (int64_t c = g * width; c < (g + 1) * width; ++c) {
        double factor = inverse, offset = -total.mean * inverse;
        if (n.weight != nullptr) factor *= n.weight[c], offset *= n.weight[c];
        if (n.bias != nullptr) offset += n.bias[c];
        if (n.scale) {
          const double modulation = 1 + double(n.scale.row(image)[c]);
          factor *= modulation;
          offset = offset * modulation + n.shift.row(image)[c];
        }
        const Channel k = channel_of(n, c);
        n.factor.row(image)[c] = float(factor * k.slope);
        n.offset.row(image)[c] = float(offset + factor * k.intercept);
      }
    }
  }
}

}  // namespace cq::kernels
#endif
