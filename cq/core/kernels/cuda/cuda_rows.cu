#include "cq/core/kernels/cuda/launch.h"
#include "cq/core/kernels/cuda/norm_programs.h"
#include "cq/core/kernels/cuda/point_programs.h"
#include "cq/core/kernels/cuda/row_programs.h"

namespace cq::kernels::cuda {

namespace {

constexpr int kWarp = 32, kBlock = 256, kWarpsPerBlock = kBlock / kWarp;
constexpr unsigned kAll = 0xFFFFFFFF;

/// The team of row_programs.h: a warp. Every thread of it calls, and can keep kQuads quads.
template <int kQuads>
struct Warp {
  static constexpr int64_t most_kept() { return kQuads * kWarp; }
  int lane;

  template <class Body>
  __device__ __forceinline__ void each(int64_t n, const Body& body) const {
    for (int64_t i = lane; i < n; i += kWarp) body(i);
  }
  template <class T, class Value>
  __device__ __forceinline__ T sum(int64_t n, const Value& value) const {
    T total = 0;
    for (int64_t i = lane; i < n; i += kWarp) total += value(i);
    for (int step = kWarp / 2; step > 0; step /= 2) total += __shfl_xor_sync(kAll, total, step);
    return total;
  }
  template <class T, class Value>
  __device__ __forceinline__ T most(int64_t n, const Value& value) const {
    // Lanes without a value of their own take the first.
    T largest = value(0);
    for (int64_t i = lane; i < n; i += kWarp) largest = max(largest, value(i));
    for (int step = kWarp / 2; step > 0; step /= 2) {
      largest = max(largest, __shfl_xor_sync(kAll, largest, step));
    }
    return largest;
  }
  struct Kept {
    Quad quads[kQuads > 0 ? kQuads : 1];
  };
  template <class Load>
  __device__ __forceinline__ Kept keep(int64_t n, const Load& load) const {
    Kept kept;
#pragma unroll
    for (int j = 0; j < kQuads; ++j) {
      const int i = lane + j * kWarp;
      if (i < n) kept.quads[j] = load(i);
    }
    return kept;
  }
  template <class T, class Value>
  __device__ __forceinline__ T sum_kept(const Kept& kept, int64_t n, const Value& value) const {
    T total = 0;
#pragma unroll
    for (int j = 0; j < kQuads; ++j) {
      const int i = lane + j * kWarp;
      if (i < n) total += value(kept.quads[j], i);
    }
    for (int step = kWarp / 2; step > 0; step /= 2) total += __shfl_xor_sync(kAll, total, step);
    return total;
  }
  template <class Body>
  __device__ __forceinline__ void once(const Body& body) const {
    if (lane == 0) body();
  }
};

/// program(row, warp) for each row, a warp to each.
template <int kQuads, class Program>
__global__ void __launch_bounds__(kBlock)
    by_rows(const __grid_constant__ Program program, int64_t rows) {
  const int64_t row = int64_t(blockIdx.x) * kWarpsPerBlock + threadIdx.x / kWarp;
  if (row < rows) program(row, Warp<kQuads>{int(threadIdx.x % kWarp)});
}

/// program(i) for each point, a thread to each.
template <class Program>
__global__ void __launch_bounds__(kBlock)
    by_points(const __grid_constant__ Program program, int64_t points) {
  const int64_t i = int64_t(blockIdx.x) * kBlock + threadIdx.x;
  if (i < points) program(i);
}

template <int kQuads, class Program>
void launch_rows(const char* name, const Program& program, int64_t rows, cudaStream_t stream) {
  if (rows == 0) return;
  const auto blocks = unsigned((rows + kWarpsPerBlock - 1) / kWarpsPerBlock);
  by_rows<kQuads><<<blocks, kBlock, 0, stream>>>(program, rows);
  check(cudaGetLastError(), name);
}

/// Rows of `channels` floats that a warp can keep, of real networks: no more registers than they
/// need, as more of them are under way then.
template <class Program>
void launch_kept(const char* name, const Program& program, int64_t channels, int64_t rows,
                 cudaStream_t stream) {
  constexpr int64_t kOfOne = 4 * kWarp;
  if (channels <= 2 * kOfOne) return launch_rows<2>(name, program, rows, stream);
  if (channels <= 5 * kOfOne) return launch_rows<5>(name, program, rows, stream);
  launch_rows<10>(name, program, rows, stream);
}

template <class Program>
void launch_points(const char* name, const Program& program, int64_t points, cudaStream_t stream) {
  if (points == 0) return;
  by_points<<<unsigned((points + kBlock - 1) / kBlock), kBlock, 0, stream>>>(program, points);
  check(cudaGetLastError(), name);
}

struct ActivateProgram {
  DeviceActivate a;
  template <class Team>
  __device__ void operator()(int64_t row, const Team& warp) const {
    activate_row(a, row, warp);
  }
};
struct LayerNormProgram {
  DeviceLayerNorm n;
  template <class Team>
  __device__ void operator()(int64_t row, const Team& warp) const {
    layer_norm_row(n, row, warp);
  }
};
struct SoftmaxProgram {
  Softmax s;
  template <class Team>
  __device__ void operator()(int64_t row, const Team& warp) const {
    softmax_row(s, row, warp);
  }
};
struct GroupProgram {
  GroupNorm n;
  template <class Team>
  __device__ void operator()(int64_t i, const Team& warp) const {
    group_norm_group(n, i / n.groups, i % n.groups, warp);
  }
};
struct MomentsProgram {
  GroupNorm n;
  __device__ void operator()(int64_t i) const {
    group_norm_channel(n, i / n.channels(), i % n.channels());
  }
};
struct TokensLastProgram {
  TokensLast t;
  int64_t chunks;
  __device__ void operator()(int64_t i) const {
    // Channels of a head, then its chunks of tokens.
    const int64_t head = i / (t.width * chunks), rest = i % (t.width * chunks);
    tokens_of_channel(t, head * t.width + rest % t.width, rest / t.width * kDeviceDepth);
  }
};
struct WindowSumsProgram {
  WindowSums w;
  __device__ void operator()(int64_t i) const { window_sum(w, i / w.out_width, i % w.out_width); }
};
struct DecodeProgram {
  Decode d;
  __device__ void operator()(int64_t i) const { decode_value(d, i / d.channels, i % d.channels); }
};

}  // namespace

void launch_group_norm(const GroupNorm& n, int64_t images, cudaStream_t stream) {
  launch_points("group norm's moments", MomentsProgram{n},
                images * group_norm_parts(n) * n.channels(), stream);
  launch_rows<0>("group norm's factors", GroupProgram{n}, images * n.groups, stream);
}
void launch_activate(const DeviceActivate& a, cudaStream_t stream) {
  launch_kept("activate", ActivateProgram{a}, a.a.channels, a.rows, stream);
}
void launch_layer_norm(const DeviceLayerNorm& n, cudaStream_t stream) {
  launch_kept("layer norm", LayerNormProgram{n}, n.norm.channels, n.rows, stream);
}
void launch_softmax(const Softmax& s, int64_t rows, cudaStream_t stream) {
  launch_rows<0>("softmax", SoftmaxProgram{s}, rows, stream);
}
void launch_tokens_last(const TokensLast& t, cudaStream_t stream) {
  const int64_t chunks = t.out_tokens / kDeviceDepth;
  launch_points("tokens last", TokensLastProgram{t, chunks}, t.images * t.heads * t.width * chunks,
                stream);
}
void launch_window_sums(const WindowSums& w, int64_t lines, cudaStream_t stream) {
  launch_points("window sums", WindowSumsProgram{w}, lines * w.out_width, stream);
}
void launch_decode(const Decode& d, int64_t rows, cudaStream_t stream) {
  launch_points("decode", DecodeProgram{d}, rows * d.channels, stream);
}

}  // namespace cq::kernels::cuda
