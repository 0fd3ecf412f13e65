#include "cq/core/kernels/activate.h"
#include "cq/core/kernels/reference.h"

namespace cq::kernels {

namespace {

double value_of(const Values& x, int64_t row, int64_t c) {
  return x.floats ? double(x.floats.row(row)[c]) : double(x.codes.row(row)[c]);
}

double activated(const Activate& a, int64_t image, int64_t row, int64_t c) {
  double x = value_of(a.x, row, c);
  if (a.act == Act::geglu) return x * gelu_erf_reference(value_of(a.x, row, a.channels + c));
  if (a.factor) x = double(a.factor.row(image)[c]) * x + double(a.offset.row(image)[c]);
  return act_reference(a.act, x);
}

}  // namespace

void activate_reference(const Activate& a, int64_t first, int64_t last) {
  for (int64_t r = first; r < last; ++r) {
    store_codes_reference(a.out, r, a.channels, [&](int64_t c) {
      return float(activated(a, r / a.rows_per_image, r, c));
    });
  }
}

void activate_pooled_reference(const Activate& a, const Pooling& p, int64_t first, int64_t last) {
  for (int64_t r = first; r < last; ++r) {
    const int64_t image = r / a.rows_per_image, position = r % a.rows_per_image;
    const int64_t y = 2 * (position / p.out_width), x = 2 * (position % p.out_width);
    const int64_t corner = image * p.in_positions + y * p.in_width + x;
    store_codes_reference(a.out, r, a.channels, [&](int64_t c) {
      const double above = activated(a, image, corner, c) + activated(a, image, corner + 1, c);
      const int64_t under = corner + p.in_width;
      const double below = activated(a, image, under, c) + activated(a, image, under + 1, c);
      return float((above + below) / 4);
    });
  }
}

}  // namespace cq::kernels
