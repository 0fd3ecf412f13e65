#pragma once
// Softmax of attention scores, to codes.
#include "cq/core/kernels/rows.h"

namespace cq::kernels {

/// codes of row r = quantize(softmax over j of factor (score[r][j] + column_term[j])). A term that
/// is the same for a whole row cancels, so only the zero point of the queries needs correcting:
/// column_term[j] = -zero_point sum_d(k[j][d]).
struct Softmax {
  Rows<float> scores = {};  ///< float scores or
  Rows<int32_t> sums = {};  ///< 32-bit sums; one of the two. Overwritten: it is the workspace
  int64_t columns = 0;
  /// Sums only; [rows / rows_per_block][columns], or null data: keys of a head.
  Rows<const int32_t> column_terms = {};
  int64_t rows_per_block = 1;  ///< rows (queries) that share column terms
  float factor = 1;            ///< positive
  CodeOutput out;
};

void softmax(const Softmax& s, int64_t first, int64_t last);
void softmax_reference(const Softmax& s, int64_t first, int64_t last);

}  // namespace cq::kernels
