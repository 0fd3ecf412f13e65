#pragma once
// The epilogue of a product whose sums lie in shared memory, a row of the tile after the other: a
// group of kLanes threads takes a row, four columns to a thread, so that memory is read and written
// in long runs. What a column adds is kept in registers for all of the tile's rows.
#include "cq/core/kernels/cuda/product_codes.h"
#include "cq/core/kernels/cuda/product_end.h"

namespace cq::kernels::cuda {

/// Rows whose operands are asked for before the first is made.
constexpr int kAhead = 4;

/// A tile's sums, rows kStride apart.
template <int kRows, int kStride>
struct TileSums {
  const int32_t* data;
  int64_t first_row;  ///< of the product
  __device__ __forceinline__ const int32_t* at(int row, int place) const {
    return data + row * kStride + place;
  }
};

/// Four values side by side, of which `count` are there.
__device__ __forceinline__ float4 four_at(const float* values, int count) {
  if (count == 4 && reinterpret_cast<uintptr_t>(values) % sizeof(float4) == 0) {
    return *reinterpret_cast<const float4*>(values);
  }
  return {values[0], count > 1 ? values[1] : 0.0F, count > 2 ? values[2] : 0.0F,
          count > 3 ? values[3] : 0.0F};
}
template <class T, class T4>
__device__ __forceinline__ void store_four(T* to, const T4& v, int count) {
  if (count == 4 && reinterpret_cast<uintptr_t>(to) % sizeof(T4) == 0) {
    *reinterpret_cast<T4*>(to) = v;
    return;
  }
  to[0] = v.x;
  if (count > 1) to[1] = v.y;
  if (count > 2) to[2] = v.z;
  if (count > 3) to[3] = v.w;
}
/// Values of four columns of a row that have gone through the activation.
struct Four {
  float v[4];
};
__device__ __forceinline__ Four four_values(const RowEnd& from, const ColumnEnd (&k)[4],
                                            const int32_t* sums) {
  const int4 made = *reinterpret_cast<const int4*>(sums);
  return {{scaled(from, k[0], made.x), scaled(from, k[1], made.y), scaled(from, k[2], made.z),
           scaled(from, k[3], made.w)}};
}

/// Columns `place` to `place` + 3 of a tile's rows.
template <int kLanes, int kRows, int kStride>
__device__ __forceinline__ void finish_columns(const DeviceProduct& p, const Epilogue& e,
                                               const TileSums<kRows, kStride>& sums, int place,
                                               int64_t column, int count, int group, int groups) {
  ColumnEnd columns[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    if (j < count) columns[j] = column_end(e, p.coefficients, column + j);
  }
  if (count == 0) return;
  if (!e.addend && !e.residual && !e.channel_bias && !e.gate) {
    for (int row = group; row < kRows; row += groups) {
      const int64_t r = sums.first_row + row;
      if (r >= p.rows) return;
      const Four y = four_values(row_end(e, p.coefficients, r), columns, sums.at(row, place));
      store_four(e.out.row(r) + column, float4{y.v[0], y.v[1], y.v[2], y.v[3]}, count);
    }
    return;
  }
  for (int first = group; first < kRows; first += kAhead * groups) {
    float4 addend[kAhead], residual[kAhead], channel_bias[kAhead], gate[kAhead];
    RowEnd from[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const int64_t r = sums.first_row + first + i * groups;
      addend[i] = residual[i] = channel_bias[i] = {};
      gate[i] = {1, 1, 1, 1};
      if (r >= p.rows) continue;
      from[i] = row_end(e, p.coefficients, r);
      if (e.addend) addend[i] = four_at(e.addend.row(r) + column, count);
      if (e.residual) residual[i] = four_at(e.residual.row(r) + column, count);
      const int64_t image = from[i].image;
      if (e.channel_bias) channel_bias[i] = four_at(e.channel_bias.row(image) + column, count);
      if (e.gate) gate[i] = four_at(e.gate.row(image) + column, count);
    }
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const int row = first + i * groups;
      const int64_t r = sums.first_row + row;
      if (r >= p.rows) continue;
      const int4 made = *reinterpret_cast<const int4*>(sums.at(row, place));
      const auto end = [&](int j, int32_t sum, float add, float bias, float times, float rest) {
        return end_one(from[i], columns[j], sum, add, bias, times, rest);
      };
      const float4 &a = addend[i], &b = channel_bias[i], &g = gate[i], &d = residual[i];
      store_four(e.out.row(r) + column,
                 float4{end(0, made.x, a.x, b.x, g.x, d.x), end(1, made.y, a.y, b.y, g.y, d.y),
                        end(2, made.z, a.z, b.z, g.z, d.z), end(3, made.w, a.w, b.w, g.w, d.w)},
                 count);
    }
  }
}

/// Stores `count` codes of a row; their sum less zero points. With `together` they lie so.
__device__ __forceinline__ int32_t store_codes(const DeviceProduct& p, const CodePlace& to,
                                               bool together, int64_t row, int64_t column,
                                               const Four& y, int count) {
  uint32_t word = 0;
  int32_t sum = 0;
  if (together) {
    // The low bytes of the codes, before their zero points are added.
    uint32_t bits[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float inside = fminf(fmaxf(y.v[j] * to.inverse_scale, to.encode.low), to.encode.high);
      bits[j] = __float_as_uint(inside + kRounder);
    }
    word = __byte_perm(__byte_perm(bits[0], bits[1], 0x0040), __byte_perm(bits[2], bits[3], 0x0040),
                       0x5410);
    word = __vadd4(word, uint32_t(to.zero_point) * 0x01010101U);
    *reinterpret_cast<uint32_t*>(to.codes + row * to.stride) =
        word ^ uint32_t(to.flip) * 0x01010101U;
    return int32_t(__dp4a(word, 0x01010101U, 0U)) - 4 * to.zero_point;
  }
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    if (j >= count) break;
    const CodePlace one = place_of(p, column + j);
    const int32_t code = code_of(one, y.v[j]);
    sum += code - one.zero_point;
    one.codes[row * one.stride] = uint8_t(code ^ one.flip);
  }
  return sum;
}

/// The same to codes. All threads of a warp come here, those without columns too, as they add up.
template <int kLanes, int kRows, int kStride>
__device__ __forceinline__ void finish_codes(const DeviceProduct& p, const Epilogue& e,
                                             const TileSums<kRows, kStride>& sums, int place,
                                             int gate_place, int64_t column, int count, int group,
                                             int groups) {
  const bool gated = p.act == Act::geglu;
  ColumnEnd columns[4], gates[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    if (j >= count) continue;
    columns[j] = column_end(e, p.coefficients, column + j);
    if (gated) gates[j] = column_end(e, p.coefficients, p.columns / 2 + column + j);
  }
  const CodePlace to = count > 0 ? place_of(p, column) : CodePlace{};
  const bool together = count == 4 && lie_together(p, 4) && to.stride % 4 == 0 &&
                        reinterpret_cast<uintptr_t>(to.codes) % 4 == 0;
  int32_t* row_sums = p.codes[0].out.sums;
  for (int row = group; row < kRows; row += groups) {
    const int64_t r = sums.first_row + row;
    int32_t sum = 0;
    if (r < p.rows && count > 0) {
      const RowEnd from = row_end(e, p.coefficients, r);
      Four y = four_values(from, columns, sums.at(row, place));
      if (gated) {
        const Four gate = four_values(from, gates, sums.at(row, gate_place));
#pragma unroll
        for (int j = 0; j < 4; ++j) y.v[j] *= gelu_erf(gate.v[j]);
      } else {
        activate_all(p.act, y.v);
      }
      sum = store_codes(p, to, together, r, column, y, count);
    }
    if (row_sums == nullptr) continue;
#pragma unroll
    for (int step = kLanes / 2; step > 0; step /= 2) {
      sum += __shfl_xor_sync(0xFFFFFFFF, sum, step);
    }
    if (threadIdx.x % kLanes == 0 && r < p.rows) atomicAdd(row_sums + r, sum);
  }
}

/// As they are.
template <int kRows, int kStride>
__device__ __forceinline__ void finish_sums(const DeviceProduct& p, int64_t batch,
                                            const TileSums<kRows, kStride>& sums, int place,
                                            int64_t column, int count, int group, int groups) {
  int32_t* out = p.sums.data + batch_offset(p, p.out_batch, batch);
  for (int row = group; row < kRows; row += groups) {
    const int64_t r = sums.first_row + row;
    if (r >= p.rows || count == 0) continue;
    store_four(out + r * p.sums.stride + column,
               *reinterpret_cast<const int4*>(sums.at(row, place)), count);
  }
}

/// All of a tile of kColumns columns, of which `first` is the first, by kThreads threads.
template <int kThreads, int kRows, int kColumns, int kStride>
__device__ __forceinline__ void finish_rows(const DeviceProduct& p, int64_t batch, int64_t first,
                                            const TileSums<kRows, kStride>& sums) {
  // Lanes to a row: the most of 16, 8 or 4 that its fours of columns are a multiple of.
  constexpr int kFours = kColumns / 4;
  constexpr int kLanes = kFours % 16 == 0 ? 16 : kFours % 8 == 0 ? 8 : 4;
  const int lane = int(threadIdx.x) % kLanes, group = int(threadIdx.x) / kLanes;
  const bool gated = p.act == Act::geglu;
  static_assert(kRows % (kAhead * (kThreads / kLanes)) == 0);
  const Epilogue e = end_of(p, batch);
  const int fours = gated ? kFours / 2 : kFours;
  // With gates the last turn may have lanes without columns.
  for (int turn = 0; turn < fours; turn += kLanes) {
    const bool has = turn + lane < fours;
    const int place = has ? (turn + lane) * 4 : 0;
    const int64_t column = (gated ? first / 2 : first) + place;
    const int64_t left = coded_columns(p) - column;
    const int count = !has || left <= 0 ? 0 : left < 4 ? int(left) : 4;
    if (p.sums) {
      finish_sums(p, batch, sums, place, column, count, group, kThreads / kLanes);
    } else if (p.parts > 0) {
      finish_codes<kLanes>(p, e, sums, place, place + kColumns / 2, column, count, group,
                           kThreads / kLanes);
    } else {
      finish_columns<kLanes>(p, e, sums, place, column, count, group, kThreads / kLanes);
    }
  }
}

}  // namespace cq::kernels::cuda
