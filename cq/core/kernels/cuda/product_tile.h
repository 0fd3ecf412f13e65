#pragma once
// The integer product, a tile of it for a block of threads: GEMM and implicit-GEMM convolution in
// one, as rows of the left operand may lie anywhere at multiples of 16 bytes. Tiles of both
// operands go through a ring of stages in shared memory, filled asynchronously (cp.async), and are
// multiplied by the tensor cores' mma.m16n8k32 (u8 x s8 -> s32).
//
// A machine runs the program: threads of a block on the device (cuda_product.cu), an emulation of
// them in the tests. It offers
//   each(body)                 body(thread, registers) for all threads of the block
//   copy(offset, from, there)  16 bytes to shared memory, zeros unless `there`: begun
//   commit(), wait<n>()        closes a group of copies; waits for all but the last n groups
//   barrier()                  of all threads, when their copies have landed
//   load4(offset, to)          ldmatrix.x4: four 8 x 8 matrices of 16 bits, lane l giving row l % 8
//                              of matrix l / 8 by offset(thread), its share going to to(registers)
//   multiply(d, a, b)          mma, by warps: d(r) += a(r) b(r), four registers, four and two
//   add(to, x)                 to memory that others add to as well.
#include "cq/core/kernels/cuda/product_codes.h"
#include "cq/core/kernels/cuda/product_end.h"
#include "cq/core/kernels/device_kernels.h"

namespace cq::kernels::cuda {

// A block multiplies kTileRows rows with kTileColumns columns, kTileDepth bytes deep at a time; its
// four warps lie 2 x 2.
constexpr int kThreads = 128, kTileRows = 128, kTileColumns = 64, kTileDepth = 64;
constexpr int kWarpRows = 64, kWarpColumns = 32, kStages = 3;
constexpr int kRowTiles = kWarpRows / 16, kColumnTiles = kWarpColumns / 8;
constexpr int kChunk = int(kDeviceDepth), kChunks = kTileDepth / kChunk;
constexpr int kRowCopies = kTileRows * kChunks / kThreads;        // of a thread, left operand
constexpr int kColumnCopies = kTileColumns * kChunks / kThreads;  // right operand
constexpr int kRowsBytes = kTileRows * kTileDepth;
constexpr int kStageBytes = (kTileRows + kTileColumns) * kTileDepth;

/// Columns of a warp's that are values, then as many gates, with geglu.
constexpr int kGateColumns = kWarpColumns / 2;

struct Registers {
  /// Of the rows and columns that the thread copies; -1: past the last.
  int64_t row_offset[kRowCopies], column_offset[kColumnCopies];
  uint32_t a[kRowTiles][4], b[kColumnTiles / 2][4];  ///< b: of two tiles side by side
  int32_t sums[kRowTiles][kColumnTiles][4];
};

/// What a block does.
struct TileIndex {
  int64_t row = 0, column = 0, batch = 0;  ///< of its first row and column
};

/// Where a chunk of a row lies in a stage. Eight rows' chunks at one depth, read together, fall
/// into eight different groups of banks: two rows fill a line of 128 bytes, and lines swap chunks.
CQ_DEVICE int swizzled(int row, int chunk) {
  return row * kTileDepth + (chunk ^ (row >> 1 & 3)) * kChunk;
}

CQ_DEVICE int next_stage(int stage) {
  return stage == (kStages - 1) * kStageBytes ? 0 : stage + kStageBytes;
}

CQ_DEVICE void start_tile(const DeviceProduct& p, const TileIndex& at, int thread, Registers& r) {
  CQ_UNROLL
  for (int i = 0; i < kRowCopies; ++i) {
    const int64_t row = at.row + (i * kThreads + thread) / kChunks;
    r.row_offset[i] = row < p.rows ? p.rows_at.offset(row) : -1;
  }
  CQ_UNROLL
  for (int i = 0; i < kColumnCopies; ++i) {
    const int64_t column = column_at(p, at.column, (i * kThreads + thread) / kChunks, kGateColumns);
    r.column_offset[i] = column >= 0 ? column * p.b_column : -1;
  }
  CQ_UNROLL
  for (int i = 0; i < kRowTiles * kColumnTiles * 4; ++i) {
    r.sums[i / (kColumnTiles * 4)][i / 4 % kColumnTiles][i % 4] = 0;
  }
}

/// How far the copies are: a round takes kTileDepth bytes of a tap, which ends with a partial tile
/// if need be. Counted on, as divisions in every round would take longer than its products.
struct Cursor {
  const uint8_t* a;  ///< of the tap
  const int8_t* b;
  int64_t start = 0;  ///< bytes of the tap before this round
  int stage = 0;      ///< where in shared memory it goes
  CQ_DEVICE void advance(const DeviceProduct& p) {
    start += kTileDepth;
    if (start >= p.depth) start = 0, a += p.a_tap, b += p.depth;
    stage = next_stage(stage);
  }
};

/// Begins the copies of a round into its stage.
template <class Machine>
CQ_DEVICE void copy_round(const DeviceProduct& p, const Cursor& at, int thread, const Registers& r,
                          Machine& machine) {
  const int chunk = thread % kChunks;
  const int64_t k = at.start + chunk * kChunk;
  const bool inside = k < p.depth;
  CQ_UNROLL
  for (int i = 0; i < kRowCopies; ++i) {
    const bool there = inside && r.row_offset[i] >= 0;
    machine.copy(at.stage + swizzled((i * kThreads + thread) / kChunks, chunk),
                 there ? at.a + r.row_offset[i] + k : p.a, there);
  }
  CQ_UNROLL
  for (int i = 0; i < kColumnCopies; ++i) {
    const bool there = inside && r.column_offset[i] >= 0;
    machine.copy(at.stage + kRowsBytes + swizzled((i * kThreads + thread) / kChunks, chunk),
                 there ? at.b + r.column_offset[i] + k : p.b, there);
  }
}

/// Multiplies 32 bytes deep: half `half` of a stage.
template <class Machine>
CQ_DEVICE void multiply_half(int stage, int half, Machine& machine) {
  CQ_UNROLL
  for (int mi = 0; mi < kRowTiles; ++mi) {
    // Matrices: rows 0-7 and 8-15 of the first chunk, then of the second.
    machine.load4(
        [=](int thread) {
          const int lane = thread % 32, warp = thread / 32;
          const int row = warp / 2 * kWarpRows + mi * 16 + lane % 16;
          return stage + swizzled(row, half * 2 + lane / 16);
        },
        [=](Registers& r) { return r.a[mi]; });
  }
  CQ_UNROLL
  for (int pair = 0; pair < kColumnTiles / 2; ++pair) {
    // Columns 0-7, first chunk and second; then columns 8-15.
    machine.load4(
        [=](int thread) {
          const int lane = thread % 32, warp = thread / 32;
          const int column = warp % 2 * kWarpColumns + pair * 16 + lane / 16 * 8 + lane % 8;
          return stage + kRowsBytes + swizzled(column, half * 2 + lane / 8 % 2);
        },
        [=](Registers& r) { return r.b[pair]; });
  }
  CQ_UNROLL
  for (int mi = 0; mi < kRowTiles; ++mi) {
    CQ_UNROLL
    for (int ni = 0; ni < kColumnTiles; ++ni) {
      machine.multiply([=](Registers& r) { return r.sums[mi][ni]; },
                       [=](Registers& r) { return r.a[mi]; },
                       [=](Registers& r) { return r.b[ni / 2] + ni % 2 * 2; });
    }
  }
}

/// Sum `i` of a thread's share of tile (mi, ni): row thread's quad of the 16, two columns each.
CQ_DEVICE int64_t sum_row(const TileIndex& at, int thread, int mi, int i) {
  const int warp = thread / 32, lane = thread % 32;
  return at.row + warp / 2 * kWarpRows + mi * 16 + lane / 4 + i / 2 * 8;
}
CQ_DEVICE int64_t sum_column(const TileIndex& at, int thread, int ni, int i) {
  const int warp = thread / 32, lane = thread % 32;
  return at.column + warp % 2 * kWarpColumns + ni * 8 + lane % 4 * 2 + i % 2;
}

/// A thread's share of row `row`, sums `first` and the next of each tile. What is added is read for
/// all of them before anything waits for it, and nothing is stored before: `out` may be the same
/// memory.
CQ_DEVICE void finish_row(const DeviceProduct& p, const Epilogue& e, const TileIndex& at,
                          int thread, int64_t row, const ColumnEnd (&columns)[kColumnTiles][2],
                          const int32_t (&sums)[kColumnTiles][4], int first) {
  Added added[kColumnTiles];
  CQ_UNROLL
  for (int ni = 0; ni < kColumnTiles; ++ni) {
    const int64_t column = sum_column(at, thread, ni, 0);
    if (column >= p.columns) continue;
    const bool second = column + 1 < p.columns;
    if (e.addend) added[ni].addend = two_at(e.addend.row(row) + column, second);
    if (e.residual) added[ni].residual = two_at(e.residual.row(row) + column, second);
  }
  const RowEnd from = row_end(e, p.coefficients, row);
  CQ_UNROLL
  for (int ni = 0; ni < kColumnTiles; ++ni) {
    const int64_t column = sum_column(at, thread, ni, 0);
    if (column >= p.columns) continue;
    const bool second = column + 1 < p.columns;
    store_two(e.out.row(row) + column,
              end_two(e, from, columns[ni], added[ni], column, sums[ni] + first, second), second);
  }
}

CQ_DEVICE void finish_raw(const DeviceProduct& p, const TileIndex& at, int thread,
                          const Registers& r) {
  int32_t* sums = p.sums.data + batch_offset(p, p.out_batch, at.batch);
  CQ_UNROLL
  for (int i = 0; i < kRowTiles * 2; ++i) {
    const int half = i % 2 * 2;
    const int64_t row = sum_row(at, thread, i / 2, half);
    CQ_UNROLL
    for (int ni = 0; ni < kColumnTiles; ++ni) {
      const int64_t column = sum_column(at, thread, ni, 0);
      if (row >= p.rows || column >= p.columns) continue;
      const int32_t* made = r.sums[i / 2][ni] + half;
      store_two(sums + row * p.sums.stride + column, Two<int32_t>{{made[0], made[1]}},
                column + 1 < p.columns);
    }
  }
}

/// A column's codes of all rows of the thread, sum `i` of tile ni; adds them up.
CQ_DEVICE void finish_column(const DeviceProduct& p, const Epilogue& e, const TileIndex& at,
                             int thread, const Registers& r, int ni, int i,
                             int32_t (&totals)[kRowTiles * 2]) {
  const auto column_of = [&](int tile) {
    const int place = thread / 32 % 2 * kWarpColumns + tile * 8 + thread % 4 * 2 + i;
    return column_at(p, at.column, place, kGateColumns);
  };
  const bool gated = p.act == Act::geglu;
  const int64_t column = column_of(ni);
  if (column < 0) return;
  const ColumnEnd end = column_end(e, p.coefficients, column);
  ColumnEnd gate_end;
  if (gated) gate_end = column_end(e, p.coefficients, column_of(ni + kGateColumns / 8));
  const CodePlace to = place_of(p, column);
  CQ_UNROLL
  for (int j = 0; j < kRowTiles * 2; ++j) {
    const int half = j % 2 * 2;
    const int64_t row = sum_row(at, thread, j / 2, half);
    if (row >= p.rows) continue;
    const RowEnd from = row_end(e, p.coefficients, row);
    float y = scaled(from, end, r.sums[j / 2][ni][half + i]);
    if (gated) {
      const int gate = ni + kGateColumns / 8;  // where ni is a value's tile
      y *= gelu_erf(scaled(from, gate_end, r.sums[j / 2][gate % kColumnTiles][half + i]));
    } else {
      y = act_of(p.act, y);
    }
    const int32_t code = code_of(to, y);
    to.codes[row * to.stride] = uint8_t(code ^ to.flip);
    totals[j] += code - to.zero_point;
  }
}

template <class Machine>
CQ_DEVICE void finish_codes(const DeviceProduct& p, const TileIndex& at, int thread,
                            const Registers& r, const Machine& machine) {
  const Epilogue e = end_of(p, at.batch);
  int32_t totals[kRowTiles * 2] = {};
  CQ_UNROLL
  for (int i = 0; i < kColumnTiles * 2; ++i) {
    if (p.act == Act::geglu && i / 2 >= kGateColumns / 8) break;
    finish_column(p, e, at, thread, r, i / 2, i % 2, totals);
  }
  int32_t* sums = p.codes[0].out.sums;
  if (sums == nullptr) return;
  CQ_UNROLL
  for (int j = 0; j < kRowTiles * 2; ++j) {
    const int64_t row = sum_row(at, thread, j / 2, j % 2 * 2);
    if (row < p.rows) machine.add(sums + row, totals[j]);
  }
}

template <class Machine>
CQ_DEVICE void finish_tile(const DeviceProduct& p, const TileIndex& at, int thread,
                           const Registers& r, const Machine& machine) {
  if (p.sums) {
    finish_raw(p, at, thread, r);
    return;
  }
  if (p.parts > 0) {
    finish_codes(p, at, thread, r, machine);
    return;
  }
  const Epilogue e = end_of(p, at.batch);
  ColumnEnd columns[kColumnTiles][2];
  CQ_UNROLL
  for (int i = 0; i < kColumnTiles * 2; ++i) {
    const int64_t column = sum_column(at, thread, i / 2, i % 2);
    if (column < p.columns) columns[i / 2][i % 2] = column_end(e, p.coefficients, column);
  }
  CQ_UNROLL
  for (int i = 0; i < kRowTiles * 2; ++i) {
    const int64_t row = sum_row(at, thread, i / 2, i % 2 * 2);
    if (row < p.rows) finish_row(p, e, at, thread, row, columns, r.sums[i / 2], i % 2 * 2);
  }
}

template <class Machine>
CQ_DEVICE void product_tile(const DeviceProduct& p, const TileIndex& at, Machine& machine) {
  machine.each([&](int thread, Registers& r) { start_tile(p, at, thread, r); });
  const int rounds = int(p.taps * ((p.depth + kTileDepth - 1) / kTileDepth));
  Cursor next{.a = p.a + batch_offset(p, p.a_batch, at.batch),
              .b = p.b + batch_offset(p, p.b_batch, at.batch)};
  const auto begin = [&](bool more) {
    if (more) {
      machine.each([&](int thread, Registers& r) { copy_round(p, next, thread, r, machine); });
      next.advance(p);
    }
    machine.commit();  // a group a round, empty past the last, so that waits count alike
  };
  for (int round = 0; round < kStages - 1; ++round) begin(round < rounds);
  int stage = 0;
  for (int round = 0; round < rounds; ++round, stage = next_stage(stage)) {
    machine.template wait<kStages - 2>();
    machine.barrier();
    // Into the stage that all threads have left before the barrier.
    begin(round + kStages - 1 < rounds);
    multiply_half(stage, 0, machine);
    multiply_half(stage, 1, machine);
  }
  machine.each([&](int thread, Registers& r) { finish_tile(p, at, thread, r, machine); });
}

}  // namespace cq::kernels::cuda
