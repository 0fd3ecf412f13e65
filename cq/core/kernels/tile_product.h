#pragma once
// Products in AMX tiles for what the library's micro-kernel is slow at. A convolution sums over the
// lines of its window, "taps": the library takes one at a time and keeps the sums in memory between
// them, here they stay in the tiles. Weights pass by the first-level cache, where the inputs lie;
// a single tap that is too deep for that cache comes in parts.
#include <cstdint>

namespace cq::kernels {

/// Columns of a panel of the right operand, of its last one: the 16 or 32 that are left.
inline constexpr int64_t kTilePanel = 32;
/// What the depth of a tap must be a multiple of.
inline constexpr int64_t kTileDepth = 64;

/// sums[r][c] = over taps t and depth k: a[r a_stride + tap_offsets[t] + k] b[c][t][k], exact.
struct TileProduct {
  const uint8_t* a;
  int64_t a_stride;
  int64_t rows;
  const int64_t* tap_offsets;
  int64_t taps;
  int64_t depth;         ///< of a tap, a multiple of kTileDepth
  const int8_t* panels;  ///< [panel][tap][depth / 4][columns of the panel][4]
  int64_t columns;       ///< a multiple of 16
  int32_t* sums;         ///< [rows][sums_stride]
  int64_t sums_stride;
  const int8_t* ahead = nullptr;  ///< what is fetched to the second-level cache meanwhile
  int64_t ahead_bytes = 0;
};

/// Whether isa() is amx and the system lets this process use tiles.
bool has_tile_products();
/// The product. The thread's tiles are configured for it until release_tiles(), which must be
/// called before a library uses them. Requires has_tile_products().
void tile_product(const TileProduct& product);
/// `rounds` of four products of whole tiles and nothing else, no loads: what a CPU can do at most.
/// Requires has_tile_products().
void tile_peak_loop(int64_t rounds);
inline constexpr int64_t kTilePeakMacs = 4 * 16 * 16 * 64;  ///< of a round
/// Gives the thread's tiles back; does nothing where tile_product() has not run since.
void release_tiles();

}  // namespace cq::kernels
