#include "cq/core/kernels/cuda/attention_tile.h"
#include "cq/core/kernels/cuda/block_machine.cuh"
#include "cq/core/kernels/cuda/launch.h"

namespace cq::kernels::cuda {

namespace {

/// Registers are kept to what so many blocks can have.
template <int kChunks>
constexpr int kBlocks = (kChunks <= 6 ? 512 : 256) / kAttentionThreads;

template <int kChunks>
__global__ void __launch_bounds__(kAttentionThreads, kBlocks<kChunks>)
    attention_kernel(const __grid_constant__ DeviceAttention a) {
  extern __shared__ __align__(128) uint8_t memory[];
  BlockMachine<typename AttentionShape<kChunks>::Registers> machine(memory);
  const AttentionIndex at{int64_t(blockIdx.x) * kAttentionRows, int64_t(blockIdx.y),
                          int64_t(blockIdx.z)};
  attention_tile<kChunks>(a, at, machine);
}

template <int kChunks>
void launch(const DeviceAttention& a, cudaStream_t stream) {
  using Shape = AttentionShape<kChunks>;
  static const auto allowed = cudaFuncSetAttribute(
      attention_kernel<kChunks>, cudaFuncAttributeMaxDynamicSharedMemorySize,
      Shape::kBytes > Shape::kMostResident ? Shape::kBytes : Shape::kMostResident);
  check(allowed, "shared memory of attention");
  const dim3 grid(unsigned((a.queries + kAttentionRows - 1) / kAttentionRows), unsigned(a.heads),
                  unsigned(a.images));
  const int tiles = int((a.keys + kKeyTile - 1) / kKeyTile);
  const int bytes = Shape::is_resident(a.keys) ? Shape::resident_bytes(tiles) : Shape::kBytes;
  attention_kernel<kChunks><<<grid, kAttentionThreads, bytes, stream>>>(a);
  check(cudaGetLastError(), "attention");
}

template <int kChunks = 1>
void launch_chunks(int64_t chunks, const DeviceAttention& a, cudaStream_t stream) {
  if (chunks == kChunks) return launch<kChunks>(a, stream);
  if constexpr (kChunks < int(DeviceAttention::kMostWidth / kDeviceDepth)) {
    launch_chunks<kChunks + 1>(chunks, a, stream);
  }
}

}  // namespace

void launch_attention(const DeviceAttention& a, cudaStream_t stream) {
  if (a.queries == 0 || a.images == 0) return;
  launch_chunks((a.width + kDeviceDepth - 1) / kDeviceDepth, a, stream);
}

}  // namespace cq::kernels::cuda
