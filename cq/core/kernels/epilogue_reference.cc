#include "cq/core/kernels/epilogue.h"

namespace cq::kernels {

void epilogue_reference(const Epilogue& e, int64_t first, int64_t last) {
  for (int64_t r = first; r < last; ++r) {
    const int64_t image = r / e.rows_per_image;
    for (int64_t c = 0; c < e.channels; ++c) {
      double y = e.sums ? double(e.sums.row(r)[c]) : double(e.products.row(r)[c]);
      if (e.factor != nullptr) y *= e.factor[c];
      if (e.bias != nullptr) y += e.bias[c];
      for (const auto& term : e.terms) {
        if (term.sums != nullptr) y += double(term.sums[r]) * term.factor[c];
      }
      if (e.addend) y += e.addend.row(r)[c];
      if (e.channel_bias) y += e.channel_bias.row(image)[c];
      if (e.gate) y *= e.gate.row(image)[c];
      if (e.residual) y += e.residual.row(r)[c];
      e.out.row(r)[c] = float(y);
    }
  }
}

void decode_reference(const Decode& d, int64_t first, int64_t last) {
  for (int64_t r = first; r < last; ++r) {
    for (int64_t c = 0; c < d.channels; ++c) {
      double y = double(d.codes.row(r)[c]) * d.slope[c] + d.intercept[c];
      if (d.residual) y += d.residual.row(r)[c];
      d.out.row(r)[c] = float(y);
    }
  }
}

}  // namespace cq::kernels
