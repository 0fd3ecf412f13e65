#include "cq/core/kernels/tile_product.h"

#include "cq/core/kernels/isa.h"

#if defined(__x86_64__)
#include <algorithm>

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cq/base/round_up.h"

#define CQ_TILES __attribute__((target("amx-tile,amx-int8")))
#else
#include "cq/base/error.h"
#endif

namespace cq::kernels {

#if defined(__x86_64__)

namespace {

constexpr int64_t kTileRows = 16, kTileColumns = 16, kQuad = 4;

/// What LDTILECFG reads.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

/// Rows of the product that this thread's tiles are configured for, 0: none.
thread_local int64_t configured_rows = 0;

/// GCC 12 does not know what the instructions read, and may drop or delay what was written there.
inline void finish_writes(const void* at) {
  asm volatile("" : : "r"(at) : "memory");
}

/// Tiles 0 to 3 hold the sums of two by two blocks, 4 and 5 inputs, 6 and 7 weights.
CQ_TILES void configure(int64_t rows) {
  if (configured_rows == rows) return;
  const auto upper = uint8_t(std::min(rows, kTileRows));
  const auto lower =
      uint8_t(std::max<int64_t>(rows - kTileRows, 1));  // a tile without rows is none
  TileConfig config;
  for (const int tile : {0, 1, 4}) config.rows[tile] = upper;
  for (const int tile : {2, 3, 5}) config.rows[tile] = lower;
  for (const int tile : {6, 7}) config.rows[tile] = kTileRows;
  std::fill_n(config.row_bytes, 8, uint16_t(kTileDepth));
  finish_writes(&config);
  _tile_loadconfig(&config);
  configured_rows = rows;
}

/// Up to 32 rows.
struct Rows {
  const uint8_t* a;
  int32_t* sums;
  int64_t count;
  const char** ahead;  ///< next line to be fetched
  const char* ahead_end;
};
/// A part of the depth of every tap; sums of the parts before it are in memory.
struct Depth {
  int64_t first, last;
};

/// Some rows of one panel. Weights are loaded with the hint that they are not needed soon: they are
/// larger than the first-level cache, and would drive the inputs out of it.
template <bool kLower, bool kRight>
CQ_TILES void multiply_panel(const TileProduct& p, const Rows& rows, const Depth& depth,
                             const int8_t* panel) {
  constexpr int64_t kWidth = (kRight ? 2 : 1) * kTileColumns;
  const int64_t stride = p.sums_stride * int64_t(sizeof(int32_t));
  int32_t *upper = rows.sums, *lower = upper + kTileRows * p.sums_stride;
  if (depth.first == 0) {
    _tile_zero(0);
    if constexpr (kRight) _tile_zero(1);
    if constexpr (kLower) _tile_zero(2);
    if constexpr (kLower && kRight) _tile_zero(3);
  } else {
    _tile_loadd(0, upper, stride);
    if constexpr (kRight) _tile_loadd(1, upper + kTileColumns, stride);
    if constexpr (kLower) _tile_loadd(2, lower, stride);
    if constexpr (kLower && kRight) _tile_loadd(3, lower + kTileColumns, stride);
  }
  const char* ahead = *rows.ahead;
  for (int64_t t = 0; t < p.taps; ++t) {
    const uint8_t* a = rows.a + p.tap_offsets[t];
    const int8_t* b = panel + (t * p.depth + depth.first) * kWidth;
    for (int64_t k = depth.first; k < depth.last; k += kTileDepth, b += kTileDepth * kWidth) {
      _tile_stream_loadd(6, b, kWidth * kQuad);
      _tile_loadd(4, a + k, p.a_stride);
      _tile_dpbusd(0, 4, 6);
      if (ahead < rows.ahead_end) {
        _mm_prefetch(ahead, _MM_HINT_T1);
        ahead += 64;
      }
      if constexpr (kLower) {
        _tile_loadd(5, a + k + kTileRows * p.a_stride, p.a_stride);
        _tile_dpbusd(2, 5, 6);
      }
      if constexpr (kRight) {
        _tile_stream_loadd(7, b + kTileColumns * kQuad, kWidth * kQuad);
        _tile_dpbusd(1, 4, 7);
        if constexpr (kLower) _tile_dpbusd(3, 5, 7);
      }
    }
  }
  *rows.ahead = ahead;
  _tile_stored(0, upper, stride);
  if constexpr (kRight) _tile_stored(1, upper + kTileColumns, stride);
  if constexpr (kLower) _tile_stored(2, lower, stride);
  if constexpr (kLower && kRight) _tile_stored(3, lower + kTileColumns, stride);
}

void multiply_rows(const TileProduct& p, const Rows& rows, const Depth& depth) {
  const bool lower = rows.count > kTileRows;
  for (int64_t c = 0; c < p.columns; c += kTilePanel) {
    const bool right = c + kTilePanel <= p.columns;
    const auto multiply =
        right ? (lower ? multiply_panel<true, true> : multiply_panel<false, true>)
              : (lower ? multiply_panel<true, false> : multiply_panel<false, false>);
    multiply(p, {rows.a, rows.sums + c, rows.count, rows.ahead, rows.ahead_end}, depth,
             p.panels + c * p.taps * p.depth);
  }
}

bool permitted() {
  constexpr long kAskForState = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kAskForState, kTileData) == 0;
}

}  // namespace

bool has_tile_products() {
  static const bool has = isa() == Isa::amx && permitted();
  return has;
}

void tile_product(const TileProduct& p) {
  constexpr int64_t kRows = 2 * kTileRows;
  // Inputs stay in the first-level cache: 32 rows up to kWholeDepth alone, deeper ones beside their
  // sums, which come and go. A convolution's rows overlap.
  constexpr int64_t kWholeDepth = 1280, kMostDepth = 640;
  const bool whole = p.taps > 1 || p.depth <= kWholeDepth;
  const int64_t parts = whole ? 1 : (p.depth + kMostDepth - 1) / kMostDepth;
  const int64_t part = round_up((p.depth + parts - 1) / parts, kTileDepth);
  finish_writes(p.a);
  const auto* ahead = reinterpret_cast<const char*>(p.ahead);
  const char* ahead_end = ahead + p.ahead_bytes;
  for (int64_t row = 0; row < p.rows; row += kRows) {
    const Rows rows{.a = p.a + row * p.a_stride,
                    .sums = p.sums + row * p.sums_stride,
                    .count = std::min(kRows, p.rows - row),
                    .ahead = &ahead,
                    .ahead_end = ahead_end};
    configure(rows.count);
    for (int64_t k = 0; k < p.depth; k += part) {
      multiply_rows(p, rows, {k, std::min(p.depth, k + part)});
    }
  }
}

CQ_TILES void tile_peak_loop(int64_t rounds) {
  configure(2 * kTileRows);
  // A clock may fall with the bits that change, so they are not zeros.
  constexpr int64_t kTile = kTileRows * kTileDepth;
  alignas(64) uint8_t operands[4 * kTile];
  for (int64_t i = 0; i < 4 * kTile; ++i) operands[i] = uint8_t(i * i * 2654435761U >> 13);
  finish_writes(operands);
  _tile_loadd(4, operands, kTileDepth);
  _tile_loadd(5, operands + kTile, kTileDepth);
  _tile_loadd(6, operands + 2 * kTile, kTileDepth);
  _tile_loadd(7, operands + 3 * kTile, kTileDepth);
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
}

CQ_TILES void release_tiles() {
  if (configured_rows == 0) return;
  _tile_release();
  configured_rows = 0;
}

#undef CQ_TILES

#else

bool has_tile_products() {
  return false;
}

void tile_product(const TileProduct&) {
  throw RunError("[products] a product in tiles: this CPU has none");
}

void tile_peak_loop(int64_t) {
  throw RunError("[products] a product in tiles: this CPU has none");
}

void release_tiles() {}

#endif

}  // namespace cq::kernels
