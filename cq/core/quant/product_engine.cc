#include "cq/core/quant/product_engine.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <ATen/native/CPUBlas.h>

#include "cq/base/round_up.h"
#include "cq/core/kernels/isa.h"
#include "cq/core/kernels/tile_product.h"
#include "cq/core/kernels/wide_product.h"

namespace cq {

namespace {

/// Whether the library may have configured this thread's tiles.
thread_local bool library_holds_tiles = false;

/// Groups of blocks of 64 columns, each packed [tap][depth / 4][columns, rounded up to 16][4], or
/// in panels so packed where taps are summed in tiles.
class ByteProducts : public ProductEngine {
 public:
  static constexpr int64_t kBlock = kMostBlock, kTile = 16, kQuad = 4;
  /// Bytes of a group, which should stay in the second-level cache beside its inputs.
  static constexpr int64_t kGroupBytes = 900 * 1024;

  const char* name() const override { return "oneDNN brgemm, u8 x s8"; }
  int64_t block() const override { return kBlock; }
  int64_t packed_bytes(const OperandShape& s) const override {
    return round_up(s.columns, kTile) * s.taps * s.depth;
  }

  /// The fewer groups, the less often inputs are read; of as many groups, the narrowest.
  int64_t blocks_at_once(const OperandShape& s) const override {
    const int64_t all = blocks(s.columns);
    int64_t best = 1;
    for (int64_t n = 2; n <= kMostBlocks; ++n) {
      if (n * kBlock * s.taps * s.depth > kGroupBytes) break;
      if ((all + n - 1) / n < (all + best - 1) / best) best = n;
    }
    return best;
  }

  void pack(const OperandSource& source, const OperandShape& s, void* packed) const override {
    auto* out = static_cast<int8_t*>(packed);
    const int64_t group = in_tiles(s) ? kernels::kTilePanel : blocks_at_once(s) * kBlock;
    for (int64_t first = 0; first < s.columns; first += group) {
      const int64_t count = std::min(group, s.columns - first), width = round_up(count, kTile);
      for (int64_t t = 0; t < s.taps; ++t) {
        const int8_t* tap = source.data + first * source.column_stride + t * source.tap_stride;
        for (int64_t k = 0; k < s.depth; k += kQuad, out += width * kQuad) {
          pack_quads(source, tap + k * source.depth_stride, std::min(kQuad, source.depth - k),
                     count, out);
          std::memset(out + count * kQuad, 0, size_t((width - count) * kQuad));
        }
      }
    }
  }

  void multiply(const RowBlock& r, const OperandShape& s, const void* packed, int64_t first,
                int64_t count) const override {
    const int64_t end = std::min((first + count) * kBlock, s.columns);
    if (in_tiles(s)) {
      multiply_in_tiles(r, s, static_cast<const int8_t*>(packed), {first * kBlock, end});
      return;
    }
    const int64_t group = blocks_at_once(s) * kBlock;
    kernels::release_tiles();
    library_holds_tiles = true;
    for (int64_t c = first * kBlock; c < end;) {
      const int64_t start = c / group * group, next = std::min(end, start + group);
      multiply_in_group(r, s, static_cast<const int8_t*>(packed) + start * s.taps * s.depth,
                        {.first = c - start,
                         .count = round_up(next - c, kTile),
                         .width = round_up(std::min(group, s.columns - start), kTile)},
                        r.sums + (c - first * kBlock));
      c = next;
    }
  }

  void finish() const override {
    kernels::release_tiles();
    at::native::cpublas::brgemm_release();
    library_holds_tiles = false;
  }

 private:
  /// Depth of a single tap from which on the library's micro-kernel is the slower one.
  static constexpr int64_t kDeep = 1024;

  /// Whether a product has a kernel of our own (cq/core/kernels/tile_product.h). It takes 0.55 to
  /// 0.95 of the library's time in a convolution and 0.8 where a single tap is deeper than 2048; at
  /// 1152 it is as fast, but fetches the weights that come next.
  static bool in_tiles(const OperandShape& s) {
    return (s.taps > 1 || s.depth >= kDeep) && s.depth % kernels::kTileDepth == 0 &&
           kernels::has_tile_products();
  }

  struct ColumnRange {
    int64_t first, end;
  };

  /// The bytes of packed weights that are to be fetched.
  struct Bytes {
    int64_t first, end;
  };
  static Bytes columns_ahead(const RowBlock& r, const OperandShape& s, const ColumnRange& c) {
    if (r.ahead < 0 || c.end >= s.columns) return {0, 0};
    constexpr int64_t kLine = 64;
    const int64_t column = s.taps * s.depth;
    const int64_t lines = std::min(c.end - c.first, s.columns - c.end) * column / kLine;
    const int64_t start = c.end * column;
    return {start + lines * r.ahead / r.aheads * kLine,
            start + lines * (r.ahead + 1) / r.aheads * kLine};
  }

  static void multiply_in_tiles(const RowBlock& r, const OperandShape& s, const int8_t* packed,
                                const ColumnRange& c) {
    if (library_holds_tiles) {  // and would take them to be as it left them
      at::native::cpublas::brgemm_release();
      library_holds_tiles = false;
    }
    const auto ahead = columns_ahead(r, s, c);
    kernels::tile_product({.a = r.a,
                           .a_stride = r.a_stride,
                           .rows = r.rows,
                           .tap_offsets = r.tap_offsets,
                           .taps = s.taps,
                           .depth = s.depth,
                           .panels = packed + c.first * s.taps * s.depth,
                           .columns = round_up(c.end - c.first, kTile),
                           .sums = r.sums,
                           .sums_stride = r.sums_stride,
                           .ahead = packed + ahead.first,
                           .ahead_bytes = ahead.end - ahead.first});
  }

  struct GroupColumns {
    int64_t first, count, width;  ///< `width`: of the group
  };

  static void multiply_in_group(const RowBlock& r, const OperandShape& s, const int8_t* group,
                                const GroupColumns& c, int32_t* sums) {
    const auto* b = reinterpret_cast<const signed char*>(group) + c.first * kQuad;
    for (int64_t t = 0; t < s.taps; ++t, b += s.depth * c.width) {
      at::native::cpublas::brgemm(r.rows, c.count, s.depth, r.a_stride, c.width, r.sums_stride,
                                  t > 0, r.a + r.tap_offsets[t], b, sums);
    }
  }

  /// Four values deep of `count` columns; `there` of the four exist.
  static void pack_quads(const OperandSource& source, const int8_t* from, int64_t there,
                         int64_t count, int8_t* out) {
    if (there == kQuad && source.depth_stride == 1) {
      for (int64_t c = 0; c < count; ++c) {
        std::memcpy(out + c * kQuad, from + c * source.column_stride, kQuad);
      }
      return;
    }
    if (there == kQuad && source.column_stride == 1) {
      const int8_t *r0 = from, *r1 = r0 + source.depth_stride, *r2 = r1 + source.depth_stride,
                   *r3 = r2 + source.depth_stride;
      for (int64_t c = 0; c < count; ++c) {
        out[4 * c] = r0[c];
        out[4 * c + 1] = r1[c];
        out[4 * c + 2] = r2[c];
        out[4 * c + 3] = r3[c];
      }
      return;
    }
    for (int64_t c = 0; c < count; ++c) {
      for (int64_t k = 0; k < kQuad; ++k) {
        out[c * kQuad + k] =
            k < there ? from[c * source.column_stride + k * source.depth_stride] : int8_t(0);
      }
    }
  }
};

/// Blocks of a panel, [tap][depth / 2][kPanel][2] of 16 bits.
class WideProducts : public ProductEngine {
 public:
  static constexpr int64_t kRows = 16;

  const char* name() const override { return "16-bit multiply-add"; }
  int64_t block() const override { return kernels::kPanel; }
  int64_t packed_bytes(const OperandShape& s) const override {
    return blocks(s.columns) * kernels::panel_size(s.taps, s.depth) * int64_t(sizeof(int16_t));
  }

  void pack(const OperandSource& source, const OperandShape& s, void* packed) const override {
    auto* out = static_cast<int16_t*>(packed);
    std::memset(packed, 0, size_t(packed_bytes(s)));
    for (int64_t c = 0; c < s.columns; ++c) {
      auto* panel = out + c / block() * kernels::panel_size(s.taps, s.depth);
      const int64_t lane = c % block();
      for (int64_t t = 0; t < s.taps; ++t) {
        const int8_t* from = source.data + c * source.column_stride + t * source.tap_stride;
        for (int64_t k = 0; k < source.depth; ++k) {
          panel[((t * s.depth + k) / 2 * block() + lane) * 2 + k % 2] =
              from[k * source.depth_stride];
        }
      }
    }
  }

  int64_t blocks_at_once(const OperandShape&) const override { return 1; }

  void multiply(const RowBlock& r, const OperandShape& s, const void* packed, int64_t first,
                int64_t count) const override {
    const int64_t width = s.taps * s.depth;
    thread_local std::vector<int16_t> wide;
    thread_local std::vector<const int16_t*> rows;
    thread_local std::vector<int64_t> taps;
    thread_local std::vector<int32_t> sums;
    wide.resize(size_t(kRows * width));
    rows.resize(kRows);
    sums.resize(size_t(kRows * block()));
    taps.resize(size_t(s.taps));
    for (int64_t t = 0; t < s.taps; ++t) taps[size_t(t)] = t * s.depth;
    const auto* panels = static_cast<const int16_t*>(packed);
    for (int64_t row = 0; row < r.rows; row += kRows) {
      const int64_t here = std::min(kRows, r.rows - row);
      for (int64_t i = 0; i < here; ++i) {
        int16_t* out = wide.data() + i * width;
        rows[size_t(i)] = out;
        for (int64_t t = 0; t < s.taps; ++t, out += s.depth) {
          std::copy_n(r.a + (row + i) * r.a_stride + r.tap_offsets[t], s.depth, out);
        }
      }
      for (int64_t b = 0; b < count; ++b) {
        const auto* panel = panels + (first + b) * kernels::panel_size(s.taps, s.depth);
        kernels::wide_product({rows.data(), here, taps.data(), s.taps, s.depth, panel},
                              sums.data());
        for (int64_t i = 0; i < here; ++i) {
          std::copy_n(sums.data() + i * block(), block(),
                      r.sums + (row + i) * r.sums_stride + b * block());
        }
      }
    }
  }

  void finish() const override {}
};

}  // namespace

void limit_products() {
  if (const char* limit = kernels::product_isa_limit()) setenv("ONEDNN_MAX_CPU_ISA", limit, 1);
}

const ProductEngine& byte_product_engine() {
  static const ByteProducts engine;
  return engine;
}

const ProductEngine& wide_product_engine() {
  static const WideProducts engine;
  return engine;
}

const ProductEngine& product_engine() {
  // The library has the micro-kernel on x86 alone.
  const auto level = kernels::isa();
  const bool x86 = level == kernels::Isa::avx512 || level == kernels::Isa::amx;
  return x86 && kernels::has_exact_byte_products() ? byte_product_engine() : wide_product_engine();
}

}  // namespace cq
