#include <cmath>

#include "cq/core/kernels/layer_norm.h"
#include "cq/core/kernels/reference.h"

namespace cq::kernels {

void layer_norm_reference(const LayerNorm& n, int64_t first, int64_t last) {
  for (int64_t r = first; r < last; ++r) {
    const int64_t image = r / n.rows_per_image;
    const float* x = n.x.row(r);
    double sum = 0, squares = 0;
    for (int64_t c = 0; c < n.channels; ++c) sum += x[c];
    const double mean = sum / double(n.channels);
    for (int64_t c = 0; c < n.channels; ++c) squares += (x[c] - mean) * (x[c] - mean);
    const double inverse = 1 / std::sqrt(squares / double(n.channels) + n.eps);
    store_codes_reference(n.out, r, n.channels, [&](int64_t c) {
      double y = (x[c] - mean) * inverse;
      if (n.weight != nullptr) y *= n.weight[c];
      if (n.bias != nullptr) y += n.bias[c];
      if (n.scale) y = y * (1 + double(n.scale.row(image)[c])) + n.shift.row(image)[c];
      return float(act_reference(n.act, y));
    });
  }
}

}  // namespace cq::kernels
