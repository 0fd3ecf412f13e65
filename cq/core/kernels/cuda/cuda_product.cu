#include "cq/core/kernels/cuda/launch.h"
#include "cq/core/kernels/cuda/product_tile.h"

namespace cq::kernels::cuda {

namespace {

/// The machine of product_tile.h: this thread of a block of kThreads.
struct BlockMachine {
  Registers registers;
  uint32_t shared;  ///< address of the stages in the shared window

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

  __device__ __forceinline__ void multiply(int mi, int ni) {
    const uint32_t* a = registers.a[mi];
    const uint32_t* b = registers.b[ni / 2] + ni % 2 * 2;
    int32_t* d = registers.sums[mi][ni];
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
};

/// Blocks at once on a multiprocessor: registers are kept to what so many can have.
constexpr int kBlocks = 3;

__global__ void __launch_bounds__(kThreads, kBlocks)
    product_kernel(const __grid_constant__ DeviceProduct product) {
  __shared__ alignas(128) uint8_t stages[kStages * kStageBytes];
  BlockMachine machine;
  machine.shared = uint32_t(__cvta_generic_to_shared(stages));
  const TileIndex at{int64_t(blockIdx.x) * kTileRows, int64_t(blockIdx.y) * kTileColumns,
                     int64_t(blockIdx.z)};
  product_tile(product, at, machine);
}

}  // namespace

void launch_product(const DeviceProduct& p, cudaStream_t stream) {
  if (p.rows == 0 || p.columns == 0 || p.batch == 0) return;
  const dim3 grid(unsigned((p.rows + kTileRows - 1) / kTileRows),
                  unsigned((p.columns + kTileColumns - 1) / kTileColumns), unsigned(p.batch));
  product_kernel<<<grid, kThreads, 0, stream>>>(p);
  check(cudaGetLastError(), "product");
}

}  // namespace cq::kernels::cuda
