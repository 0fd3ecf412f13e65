#pragma once
// The inner loops of the streaming distances, compiled once per instruction set (Google Highway)
// and chosen at run time. Everything here works on one block: a few hundred elements of several
// steps' features, small enough to stay in the second-level cache while all pairs are formed.
#include <cstddef>
#include <cstdint>

namespace cq::kernels {

/// What is summed over the elements of a pair (x of an earlier step, y of a later one).
enum class PairSum {
  absolute,  ///< |y - x|                                  one float a pair
  squared,   ///< (y - x)^2                                one float a pair
  moments    ///< y - x, (y - x)^2, (y - x) x              three floats a pair
};

constexpr int64_t pair_values(PairSum sum) {
  return sum == PairSum::moments ? 3 : 1;
}

struct PairBlock {
  const float* const* rows;  ///< by step, oldest first; each has `length` floats
  int64_t row_count;
  int64_t first_new;  ///< rows from here on are paired with every older row within reach
  int64_t max_lag;    ///< farthest pair
  int64_t length;     ///< a multiple of kBlockUnit
};

/// Rows are padded with zeros to a multiple of this many floats.
constexpr int64_t kBlockUnit = 16;

/// out[(y - first_new) * max_lag + (y - x - 1)] (times pair_values) = the sum over the block, for
/// 1 <= y - x <= max_lag. Entries whose x would lie before the first row are left alone.
void pair_sums(PairSum sum, const PairBlock& block, float* out);

/// out = {sum |x|, sum x, sum x^2} of one row.
void row_sums(const float* row, int64_t length, float* out);

void widen_float16(const uint16_t* from, int64_t length, float* to);
void widen_bfloat16(const uint16_t* from, int64_t length, float* to);

/// Name of the instruction set that is used, for instance "AVX2".
const char* distance_target();

}  // namespace cq::kernels
