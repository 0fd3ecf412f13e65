#pragma once
// The machine of product_tile.h and attention_math.h on a device: this thread of a block.
#include <cstdint>

namespace cq::kernels::cuda {

template <class Registers>
struct BlockMachine {
  Registers registers;
  uint8_t* memory;  ///< shared
  uint32_t shared;  ///< its address in the shared window

  __device__ __forceinline__ explicit BlockMachine(uint8_t* at)
      : memory(at), shared(uint32_t(__cvta_generic_to_shared(at))) {}

  template <class Body>
  __device__ __forceinline__ void each(const Body& body) {
    body(int(threadIdx.x), registers);
  }

  __device__ __forceinline__ void copy(int offset, const void* from, bool there) {
    // With a source size of 0 nothing is read and zeros are written.
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared + offset),
                 "l"(__cvta_generic_to_global(from)), "r"(there ? 16 : 0)
                 : "memory");
  }
  __device__ __forceinline__ void commit() {
    asm volatile("cp.async.commit_group;\n" ::: "memory");
  }
  template <int kLeft>
  __device__ __forceinline__ void wait() {
    asm volatile("cp.async.wait_group %0;\n" ::"n"(kLeft) : "memory");
  }
  __device__ __forceinline__ void barrier() { __syncthreads(); }

  template <class Offset, class To>
  __device__ __forceinline__ void load4(const Offset& offset, const To& to) {
    uint32_t* r = to(registers);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared + uint32_t(offset(int(threadIdx.x))))
                 : "memory");
  }
  template <class Offset, class To>
  __device__ __forceinline__ void load4_transposed(const Offset& offset, const To& to) {
    uint32_t* r = to(registers);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared + uint32_t(offset(int(threadIdx.x))))
                 : "memory");
  }

  template <class D, class A, class B>
  __device__ __forceinline__ void multiply(const D& sums, const A& left, const B& right) {
    int32_t* d = sums(registers);
    const uint32_t *a = left(registers), *b = right(registers);
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }

  template <int kLanes, class Of>
  __device__ __forceinline__ void add_lanes(const Of& of) {
    auto* x = of(registers);
#pragma unroll
    for (int step = 1; step < kLanes; step *= 2) *x += __shfl_xor_sync(0xFFFFFFFF, *x, step);
  }
  template <class Of>
  __device__ __forceinline__ void most_quads(const Of& of) {
    auto* x = of(registers);
    *x = max(*x, __shfl_xor_sync(0xFFFFFFFF, *x, 1));
    *x = max(*x, __shfl_xor_sync(0xFFFFFFFF, *x, 2));
  }
  __device__ __forceinline__ int32_t* words(int offset) const {
    return reinterpret_cast<int32_t*>(memory + offset);
  }

  static __device__ __forceinline__ float exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;\n" : "=f"(y) : "f"(x));
    return y;
  }
  static __device__ __forceinline__ uint32_t select(uint32_t a, uint32_t b, uint32_t bytes) {
    return __byte_perm(a, b, bytes);
  }
  static __device__ __forceinline__ int32_t count_signed(int32_t word, int32_t sum) {
    return __dp4a(word, 0x01010101, sum);
  }
  static __device__ __forceinline__ int32_t count_unsigned(uint32_t word, int32_t sum) {
    return int32_t(__dp4a(word, 0x01010101U, uint32_t(sum)));
  }
  static __device__ __forceinline__ void add(int32_t* to, int32_t x) {
    atomicAdd(to, x);
  }
  static __device__ __forceinline__ void store_bytes(uint8_t* to, uint32_t word, int count) {
    if (count == 4 && reinterpret_cast<uintptr_t>(to) % 4 == 0) {
      *reinterpret_cast<uint32_t*>(to) = word;
      return;
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (j < count) to[j] = uint8_t(word >> (8 * j));
    }
  }
};

}  // namespace cq::kernels::cuda
