#include <algorithm>
#include <cmath>

#include "cq/core/kernels/reference.h"
#include "cq/core/kernels/softmax.h"

namespace cq::kernels {

void softmax_reference(const Softmax& s, int64_t first, int64_t last) {
  for (int64_t r = first; r < last; ++r) {
    const auto score = [&](int64_t j) {
      if (s.scores) return double(s.scores.row(r)[j]) * s.factor;
      const int64_t term =
          s.column_terms ? s.column_terms.row(r / s.rows_per_block)[j] : int64_t(0);
      return double(s.sums.row(r)[j] + term) * s.factor;
    };
    double most = score(0), total = 0;
    for (int64_t j = 1; j < s.columns; ++j) most = std::max(most, score(j));
    for (int64_t j = 0; j < s.columns; ++j) total += std::exp(score(j) - most);
    store_codes_reference(s.out, r, s.columns,
                          [&](int64_t j) { return float(std::exp(score(j) - most) / total); });
  }
}

}  // namespace cq::kernels
