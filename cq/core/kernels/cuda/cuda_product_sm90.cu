#include "cq/core/kernels/cuda/launch.h"
#include "cq/core/kernels/cuda/product_rows.cuh"
#include "cq/core/kernels/cuda/wgmma.h"

// The product for large shapes on Hopper: a block of one or two groups of four warps, 64 rows each,
// kColumns columns, kDepth bytes at a time. Tiles of both operands go through a ring of stages
// filled by cp.async, as rows may lie anywhere; wgmma reads them while the next ones come. Sums
// leave through the stages' memory, so that rows are written in long runs (product_rows.cuh).

namespace cq::kernels::cuda {

namespace {

constexpr int kChunkBytes = int(kDeviceDepth);

template <int kWarpGroups, int kTileColumns, int kTileDepth, int kRing, int kAtOnce>
struct Shape {
  static constexpr int kRows = 64 * kWarpGroups, kColumns = kTileColumns, kDepth = kTileDepth;
  static constexpr int kStages = kRing, kBlocks = kAtOnce;
  static constexpr int kThreads = 128 * kWarpGroups;
  static constexpr int kChunks = kDepth / kChunkBytes;
  static constexpr int kCopiedAtOnce = kThreads / kChunks;  ///< rows
  static constexpr int kRowCopies = kRows / kCopiedAtOnce;
  static constexpr int kColumnCopies = (kColumns + kCopiedAtOnce - 1) / kCopiedAtOnce;
  static constexpr bool kColumnsLeft = kColumns % kCopiedAtOnce != 0;
  static constexpr int kRowsBytes = kRows * kDepth, kStageBytes = (kRows + kColumns) * kDepth;
  /// Of the sums: eight rows' pairs of a quad in different banks.
  static constexpr int kStride = kColumns + 8;
  static constexpr int kSumsBytes = kRows * kStride * 4;
  static constexpr int kBytes =
      kStages * kStageBytes > kSumsBytes ? kStages* kStageBytes : kSumsBytes;
  static constexpr int kAlignment = 1024;
  static_assert(kRows % kCopiedAtOnce == 0 && kStages >= 3);
};

template <class S>
__device__ __forceinline__ int swizzled_at(int row, int chunk) {
  const int by = S::kDepth == 128 ? row & 7 : row >> 1 & 3;
  return row * S::kDepth + (chunk ^ by) * kChunkBytes;
}

/// What a thread copies: one chunk of rows kCopiedAtOnce apart. Offsets from the operand's tap; -1:
/// past the last.
template <class S>
struct Copies {
  int32_t rows[S::kRowCopies], columns[S::kColumnCopies];
  const uint8_t* a;
  const int8_t* b;
  int32_t k;        ///< of the tap
  uint32_t target;  ///< in the first stage
};

template <class S>
__device__ __forceinline__ Copies<S> start_copies(const DeviceProduct& p, uint32_t shared,
                                                  int64_t row, int64_t column, int64_t batch) {
  Copies<S> c;
  const int thread = int(threadIdx.x), chunk = thread % S::kChunks, first = thread / S::kChunks;
#pragma unroll
  for (int i = 0; i < S::kRowCopies; ++i) {
    const int64_t r = row + first + i * S::kCopiedAtOnce;
    c.rows[i] = r < p.rows ? int32_t(p.rows_at.offset(r)) : -1;
  }
#pragma unroll
  for (int i = 0; i < S::kColumnCopies; ++i) {
    const int64_t at = column_at(p, column, first + i * S::kCopiedAtOnce, S::kColumns / 2);
    c.columns[i] = at >= 0 ? int32_t(at * p.b_column) : -1;
  }
  c.a = p.a + batch_offset(p, p.a_batch, batch);
  c.b = p.b + batch_offset(p, p.b_batch, batch);
  c.k = chunk * kChunkBytes;
  c.target = shared + uint32_t(swizzled_at<S>(first, chunk));
  return c;
}

__device__ __forceinline__ void copy_chunk(uint32_t to, const void* from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(to),
               "l"(__cvta_generic_to_global(from)), "r"(there ? kChunkBytes : 0)
               : "memory");
}

/// Begins the copies of the next round and goes on to the one after.
template <class S>
__device__ __forceinline__ void copy_round(const DeviceProduct& p, Copies<S>& c, uint32_t stage) {
  const bool inside = c.k < p.depth;
#pragma unroll
  for (int i = 0; i < S::kRowCopies; ++i) {
    const bool there = inside && c.rows[i] >= 0;
    copy_chunk(c.target + stage + i * S::kCopiedAtOnce * S::kDepth,
               there ? c.a + c.rows[i] + c.k : p.a, there);
  }
#pragma unroll
  for (int i = 0; i < S::kColumnCopies; ++i) {
    const int first = int(threadIdx.x) / S::kChunks + i * S::kCopiedAtOnce;
    if (S::kColumnsLeft && first >= S::kColumns) continue;
    const bool there = inside && c.columns[i] >= 0;
    copy_chunk(c.target + stage + S::kRowsBytes + i * S::kCopiedAtOnce * S::kDepth,
               there ? c.b + c.columns[i] + c.k : p.b, there);
  }
  c.k += S::kDepth;
  if (c.k - c.k % S::kDepth >= p.depth) {
    c.k %= S::kDepth;
    c.a += p.a_tap;
    c.b += p.depth;
  }
}

/// Multiplies all rounds; the sums of the thread.
template <class S>
__device__ __forceinline__ void multiply(const DeviceProduct& p, Copies<S>& copies, uint32_t shared,
                                         int32_t (&sums)[S::kColumns / 8][4]) {
  const int rounds = int(p.taps * ((p.depth + S::kDepth - 1) / S::kDepth));
  constexpr uint32_t kEnd = uint32_t(S::kStages) * S::kStageBytes;
  const auto next = [](uint32_t stage) {
    stage += S::kStageBytes;
    return stage == kEnd ? 0 : stage;
  };
  uint32_t filled = 0;
  const auto begin = [&](bool more) {
    if (more) copy_round<S>(p, copies, filled);
    filled = next(filled);
    asm volatile("cp.async.commit_group;\n" ::: "memory");
  };
  for (int round = 0; round < S::kStages - 2; ++round) begin(round < rounds);
  const uint32_t rows = shared + threadIdx.x / 128 * 64 * S::kDepth;
  uint32_t stage = 0;
  for (int round = 0; round < rounds; ++round, stage = next(stage)) {
    asm volatile("cp.async.wait_group %0;\n" ::"n"(S::kStages - 3) : "memory");
    // What cp.async wrote, wgmma reads through another proxy.
    asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
    __syncthreads();
    wgmma_fence();
    const uint64_t a = tile_descriptor<S::kDepth>(rows + stage);
    const uint64_t b = tile_descriptor<S::kDepth>(shared + stage + S::kRowsBytes);
#pragma unroll
    for (int k = 0; k < S::kDepth / 32; ++k) wgmma(sums, a + k * 2, b + k * 2);
    wgmma_commit();
    // Into the stage of two rounds ago, which every warp has waited for before this barrier.
    begin(round + S::kStages - 2 < rounds);
    wgmma_wait<1>();
  }
  wgmma_wait<0>();
  hold(sums);
  asm volatile("cp.async.wait_group 0;\n" ::: "memory");
  __syncthreads();
}

template <class S>
__global__ void __launch_bounds__(S::kThreads, S::kBlocks)
    product_kernel(const __grid_constant__ DeviceProduct p) {
  extern __shared__ uint8_t memory[];
  const uint32_t start = uint32_t(__cvta_generic_to_shared(memory));
  const uint32_t shared = (start + S::kAlignment - 1) / S::kAlignment * S::kAlignment;
  auto* sums_at = reinterpret_cast<int32_t*>(memory + (shared - start));
  const int64_t row = int64_t(blockIdx.x) * S::kRows, column = int64_t(blockIdx.y) * S::kColumns;
  int32_t sums[S::kColumns / 8][4];
#pragma unroll
  for (int i = 0; i < S::kColumns / 2; ++i) sums[i / 4][i % 4] = 0;
  auto copies = start_copies<S>(p, shared, row, column, blockIdx.z);
  multiply<S>(p, copies, shared, sums);
  const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
  int32_t* mine = sums_at + (warp * 16 + lane / 4) * S::kStride + lane % 4 * 2;
#pragma unroll
  for (int n = 0; n < S::kColumns / 8; ++n) {
    *reinterpret_cast<int2*>(mine + n * 8) = {sums[n][0], sums[n][1]};
    *reinterpret_cast<int2*>(mine + 8 * S::kStride + n * 8) = {sums[n][2], sums[n][3]};
  }
  __syncthreads();
  finish_rows<S::kThreads, S::kRows, S::kColumns>(p, blockIdx.z, column,
                                                  TileSums<S::kRows, S::kStride>{sums_at, row});
}

template <class S>
void launch(const DeviceProduct& p, cudaStream_t stream) {
  constexpr int kBytes = S::kBytes + S::kAlignment;
  static const auto allowed =
      cudaFuncSetAttribute(product_kernel<S>, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
  check(allowed, "shared memory of the product");
  const dim3 grid(unsigned((p.rows + S::kRows - 1) / S::kRows),
                  unsigned((p.columns + S::kColumns - 1) / S::kColumns), unsigned(p.batch));
  product_kernel<S><<<grid, S::kThreads, kBytes, stream>>>(p);
  check(cudaGetLastError(), "product");
}

/// Tiles, and the part of the largest's speed at which they are multiplied on an H100.
template <class S>
struct Choice {
  using Tile = S;
  double speed;
};
constexpr Choice<Shape<2, 192, 64, 5, 2>> kLargest{1};
constexpr Choice<Shape<2, 128, 64, 6, 2>> kLarge{0.9};
constexpr Choice<Shape<2, 96, 64, 6, 2>> kMiddle{0.75};
constexpr Choice<Shape<1, 96, 64, 6, 3>> kSmall{0.55};

/// What the multiprocessor with most tiles has to do.
template <class S>
double most_work(const DeviceProduct& p, const Choice<S>& choice, int64_t processors) {
  const int64_t rows = (p.rows + S::kRows - 1) / S::kRows;
  const int64_t columns = (p.columns + S::kColumns - 1) / S::kColumns;
  const int64_t tiles = (rows * columns * p.batch + processors - 1) / processors;
  return double(tiles * S::kRows * S::kColumns) / choice.speed;
}

int64_t processors() {
  static const int64_t found = [] {
    int device = 0, count = 0;
    check(cudaGetDevice(&device), "current device");
    check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device),
          "multiprocessors");
    return int64_t(count);
  }();
  return found;
}

}  // namespace

bool takes_sm90(const DeviceProduct& p) {
  constexpr int64_t kMost = int64_t(1) << 31;
  const auto& at = p.rows_at;
  const int64_t lines = (p.rows + at.width - 1) / at.width;
  const int64_t images = (lines + at.height - 1) / at.height;
  const int64_t last = images * at.image + at.height * at.line + at.width * at.step;
  return last + p.taps * p.a_tap + p.depth < kMost && p.columns * p.b_column < kMost &&
         p.rows < kMost;
}

void launch_product_sm90(const DeviceProduct& p, cudaStream_t stream) {
  if (p.rows == 0 || p.columns == 0 || p.batch == 0) return;
  const int64_t count = processors();
  double least = most_work(p, kLargest, count);
  auto best = launch<decltype(kLargest)::Tile>;
  const auto consider = [&]<class S>(const Choice<S>& choice) {
    const double work = most_work(p, choice, count);
    if (work >= least) return;
    least = work;
    best = launch<S>;
  };
  consider(kLarge);
  consider(kMiddle);
  consider(kSmall);
  best(p, stream);
}

}  // namespace cq::kernels::cuda
