#pragma once
// How the CUDA kernels are launched: the seam between cuda_kernels.cc, which is C++, and the .cu
// files. Each throws RunError naming the kernel where CUDA refuses.
#include <cuda_runtime_api.h>

#include "cq/core/kernels/device_kernels.h"

namespace cq::kernels::cuda {

void check(cudaError_t status, const char* what);

/// Whether the kernel for compute capability 9.0 takes the product: operands below 2 GB.
bool takes_sm90(const DeviceProduct& p);
void launch_product_sm90(const DeviceProduct& p, cudaStream_t stream);
void launch_product(const DeviceProduct& p, cudaStream_t stream);
void launch_group_norm(const GroupNorm& n, int64_t images, cudaStream_t stream);
void launch_activate(const DeviceActivate& a, cudaStream_t stream);
void launch_layer_norm(const DeviceLayerNorm& n, cudaStream_t stream);
void launch_softmax(const Softmax& s, int64_t rows, cudaStream_t stream);
void launch_attention(const DeviceAttention& a, cudaStream_t stream);
void launch_tokens_last(const TokensLast& t, cudaStream_t stream);
void launch_window_sums(const WindowSums& w, int64_t lines, cudaStream_t stream);
void launch_decode(const Decode& d, int64_t rows, cudaStream_t stream);

}  // namespace cq::kernels::cuda
