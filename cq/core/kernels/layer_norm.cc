#include "cq/core/kernels/layer_norm.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cq/core/kernels/layer_norm.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cq/core/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cq::kernels::HWY_NAMESPACE {

HWY_INLINE double total(VF v) {
  return hn::GetLane(hn::SumOfLanes(DF(), v));
}

HWY_INLINE double row_sum(const float* x, int64_t channels) {
  VF s0 = hn::Zero(DF()), s1 = s0;
  const int64_t step = lanes(), pairs = channels / (2 * step) * 2 * step;
  for (int64_t c = 0; c < pairs; c += 2 * step) {
    s0 = hn::Add(s0, load_as_float(x + c));
    s1 = hn::Add(s1, load_as_float(x + c + step));
  }
  over_row(channels - pairs,
           [&](const auto& at) HWY_ATTR { s0 = hn::Add(s0, at.load(x + pairs)); });
  return total(hn::Add(s0, s1));
}

/// x normalised is x factor + offset.
struct Standard {
  float mean, factor, offset;
};

// Two passes, the second correcting the rounding of the first's mean (Chan, Golub and LeVeque,
// "Algorithms for computing the sample variance", 1983).
HWY_INLINE Standard standard_of(const float* x, int64_t channels, double eps) {
  const auto n = double(channels);
  const auto mean = float(row_sum(x, channels) / n);
  const VF centre = hn::Set(DF(), mean);
  VF sum = hn::Zero(DF()), squares = sum;
  over_row(channels, [&](const auto& at) HWY_ATTR {
    VF difference = hn::Sub(at.load(x), centre);
    if constexpr (std::is_same_v<std::decay_t<decltype(at)>, Part>) {
      const auto within = hn::FirstN(DF(), size_t(at.count));
      difference = hn::IfThenElseZero(within, difference);
    }
    sum = hn::Add(sum, difference);
    squares = hn::MulAdd(difference, difference, squares);
  });
  const double rest = total(sum) / n;
  const double inverse = 1 / std::sqrt(total(squares) / n - rest * rest + eps);
  return {mean, float(inverse), float(-rest * inverse)};
}

template <Act kAct>
void norm_rows(const LayerNorm& n, int64_t first, int64_t last) {
  const DF d;
  const Encoder encode(n.out);
  const VF inverse = hn::Set(d, n.out.range.inverse_scale), one = hn::Set(d, 1.0F);
  int64_t image = first / n.rows_per_image, next = (image + 1) * n.rows_per_image;
  for (int64_t r = first; r < last; ++r) {
    if (r == next) ++image, next += n.rows_per_image;
    const float* x = n.x.row(r);
    const float* scale = n.scale ? n.scale.row(image) : nullptr;
    const float* shift = n.scale ? n.shift.row(image) : nullptr;
    uint8_t* codes = n.out.codes.row(r);
    const Standard s = standard_of(x, n.channels, n.eps);
    const VF mean = hn::Set(d, s.mean), factor = hn::Set(d, s.factor);
    const VF offset = hn::Set(d, s.offset);
    over_row(n.channels, [&](const auto& at) HWY_ATTR {
      VF y = hn::MulAdd(hn::Sub(at.load(x), mean), factor, offset);
      if (n.weight != nullptr) y = hn::Mul(y, at.load(n.weight));
      if (n.bias != nullptr) y = hn::Add(y, at.load(n.bias));
      if (scale != nullptr) y = hn::MulAdd(y, hn::Add(at.load(scale), one), at.load(shift));
      at.store_bytes(encode(hn::Mul(act_of<kAct>(y), inverse)), codes);
    });
    store_sums(n.out, r, n.channels);
  }
}

void layer_norm_of(const LayerNorm& n, int64_t first, int64_t last) {
  switch (n.act) {
    case Act::none:
    case Act::geglu:
      return norm_rows<Act::none>(n, first, last);
    case Act::silu:
      return norm_rows<Act::silu>(n, first, last);
    case Act::gelu_tanh:
      return norm_rows<Act::gelu_tanh>(n, first, last);
    case Act::gelu_erf:
      return norm_rows<Act::gelu_erf>(n, first, last);
    case Act::quick_gelu:
      return norm_rows<Act::quick_gelu>(n, first, last);
    case Act::relu:
      return norm_rows<Act::relu>(n, first, last);
  }
}

}  // namespace cq::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cq::kernels {

HWY_EXPORT(layer_norm_of);

void layer_norm(const LayerNorm& n, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(layer_norm_of)(n, first, last);
}

}  // namespace cq::kernels
#endif
