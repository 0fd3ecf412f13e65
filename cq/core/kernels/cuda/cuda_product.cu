#include "cq/core/kernels/cuda/block_machine.cuh"
#include "cq/core/kernels/cuda/launch.h"
#include "cq/core/kernels/cuda/product_tile.h"

namespace cq::kernels::cuda {

namespace {

/// Blocks at once on a multiprocessor: registers are kept to what so many can have.
constexpr int kBlocks = 3;

__global__ void __launch_bounds__(kThreads, kBlocks)
    product_kernel(const __grid_constant__ DeviceProduct product) {
  __shared__ alignas(128) uint8_t stages[kStages * kStageBytes];
  BlockMachine<Registers> machine(stages);
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
