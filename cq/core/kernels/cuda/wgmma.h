#pragma once
// wgmma of Hopper (compute capability 9.0, target sm_90a): a group of four warps multiplies 64 rows
// of u8 with kColumns columns of s8, both 32 bytes deep in shared memory, into 32 bits. Thread t
// has of columns 8 n to 8 n + 7 the sums d[n], as mma.m16n8k32 has them for its warp's 16 rows.
#include <cstdint>

namespace cq::kernels::cuda {

/// Tiles of rows of 64 or 128 bytes (kSwizzle), chunks of 16 bytes exchanged within groups of eight
/// rows, as the hardware's swizzles of that width do it.
template <int kSwizzle>
__device__ __forceinline__ uint64_t tile_descriptor(uint32_t shared) {
  static_assert(kSwizzle == 64 || kSwizzle == 128);
  constexpr uint64_t kLayout = kSwizzle == 128 ? 1 : 2;
  constexpr uint64_t kGroup = 8 * kSwizzle / 16;  // from eight rows to the next, in 16 bytes
  return uint64_t((shared & 0x3FFFF) >> 4) | uint64_t(1) << 16 | kGroup << 32 | kLayout << 62;
}

__device__ __forceinline__ void wgmma_fence() {
  asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory");
}
__device__ __forceinline__ void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory");
}
template <int kLeft>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(kLeft) : "memory");
}

/// Keeps the compiler from moving what touches the sums past this.
template <int kTiles>
__device__ __forceinline__ void hold(int32_t (&d)[kTiles][4]) {
#pragma unroll
  for (int i = 0; i < kTiles; ++i) {
    asm volatile("" : "+r"(d[i][0]), "+r"(d[i][1]), "+r"(d[i][2]), "+r"(d[i][3])::"memory");
  }
}

#define CQ_SUMS(i) "+r"(d[i][0]), "+r"(d[i][1]), "+r"(d[i][2]), "+r"(d[i][3])
#define CQ_SUMS4(i) CQ_SUMS(i), CQ_SUMS(i + 1), CQ_SUMS(i + 2), CQ_SUMS(i + 3)

__device__ __forceinline__ void wgmma(int32_t (&d)[8][4], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n64k32.s32.u8.s8 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, %32, %33, "
      "1;\n"
      : CQ_SUMS4(0), CQ_SUMS4(4)
      : "l"(a), "l"(b)
      : "memory");
}

__device__ __forceinline__ void wgmma(int32_t (&d)[12][4], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n96k32.s32.u8.s8 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47}, %48, %49, "
      "1;\n"
      : CQ_SUMS4(0), CQ_SUMS4(4), CQ_SUMS4(8)
      : "l"(a), "l"(b)
      : "memory");
}

__device__ __forceinline__ void wgmma(int32_t (&d)[16][4], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n128k32.s32.u8.s8 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, %64, %65, "
      "1;\n"
      : CQ_SUMS4(0), CQ_SUMS4(4), CQ_SUMS4(8), CQ_SUMS4(12)
      : "l"(a), "l"(b)
      : "memory");
}

__device__ __forceinline__ void wgmma(int32_t (&d)[24][4], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n192k32.s32.u8.s8 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
      "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "
      "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95}, %96, %97, "
      "1;\n"
      : CQ_SUMS4(0), CQ_SUMS4(4), CQ_SUMS4(8), CQ_SUMS4(12), CQ_SUMS4(16), CQ_SUMS4(20)
      : "l"(a), "l"(b)
      : "memory");
}

#undef CQ_SUMS4
#undef CQ_SUMS

}  // namespace cq::kernels::cuda
