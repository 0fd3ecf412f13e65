#pragma once
// What becomes of a product's sums: the epilogue, in a thread's registers. What depends on the row
// or on the column alone is read once for a thread's share of a tile.
#include "cq/core/kernels/cuda/elements.h"
#include "cq/core/kernels/device_kernels.h"

namespace cq::kernels::cuda {

CQ_DEVICE int64_t batch_offset(const DeviceProduct& p, const BatchStep& step, int64_t batch) {
  if (p.batch == 1) return 0;
  return batch / p.inner * step.outer + batch % p.inner * step.inner;
}

/// The epilogue of one product of the batch.
CQ_DEVICE Epilogue end_of(const DeviceProduct& p, int64_t batch) {
  Epilogue e = p.end;
  e.out.data += batch_offset(p, p.out_batch, batch);
  if (e.bias != nullptr) e.bias += batch_offset(p, p.bias_batch, batch);
  CQ_UNROLL
  for (int i = 0; i < 2; ++i) {
    if (e.terms[i].sums != nullptr) e.terms[i].sums += batch_offset(p, p.row_sums_batch, batch);
  }
  return e;
}

/// Of a column: (sum - subtracted) factor + bias, and what a row's sums are multiplied with.
struct ColumnEnd {
  int32_t subtracted = 0;
  float factor = 1, bias = 0;
  float terms[2] = {0, 0};
};

CQ_DEVICE ColumnEnd column_end(const Epilogue& e, const Coefficients& k, int64_t c) {
  ColumnEnd made;
  if (k) {
    made.factor = k.scale * k.weight_scale[c];
    if (k.slope != nullptr) made.factor *= k.slope[c];
    made.subtracted = k.zero_point * int32_t(k.column_sums[c]);
    if (k.bias != nullptr) made.bias = k.bias[c];
    if (k.offset != nullptr) made.bias += k.offset[c];
    if (k.row_sums != nullptr) made.terms[0] = -made.factor * k.weight_zero[c];
    return made;
  }
  if (e.factor != nullptr) made.factor = e.factor[c];
  if (e.bias != nullptr) made.bias = e.bias[c];
  CQ_UNROLL
  for (int i = 0; i < 2; ++i) {
    if (e.terms[i].sums != nullptr) made.terms[i] = e.terms[i].factor[c];
  }
  return made;
}

struct RowEnd {
  int64_t image = 0;
  float terms[2] = {0, 0};  ///< sums of the row
};

CQ_DEVICE RowEnd row_end(const Epilogue& e, const Coefficients& k, int64_t r) {
  RowEnd made;
  if (e.channel_bias || e.gate) made.image = r / e.rows_per_image;
  if (k) {
    if (k.row_sums != nullptr) made.terms[0] = float(k.row_sums[r]);
    return made;
  }
  CQ_UNROLL
  for (int i = 0; i < 2; ++i) {
    if (e.terms[i].sums != nullptr) made.terms[i] = float(e.terms[i].sums[r]);
  }
  return made;
}

/// What becomes of the sum of row r and channel c.
CQ_DEVICE float end_value(const Epilogue& e, const RowEnd& row, const ColumnEnd& column, int64_t r,
                          int64_t c, int32_t sum) {
  auto y = float(sum - column.subtracted) * column.factor + column.bias;
  CQ_UNROLL
  for (int i = 0; i < 2; ++i) y = fmaf(row.terms[i], column.terms[i], y);
  if (e.addend) y += e.addend.row(r)[c];
  if (e.channel_bias) y += e.channel_bias.row(row.image)[c];
  if (e.gate) y *= e.gate.row(row.image)[c];
  if (e.residual) y += e.residual.row(r)[c];
  return y;
}

/// Two values side by side, at once where their address allows. `second`: the other is there.
template <class T>
CQ_DEVICE void store_two(T* to, T first, T other, bool second) {
#ifdef __CUDACC__
  struct alignas(2 * sizeof(T)) Two {
    T first, other;
  };
  if (second && reinterpret_cast<uintptr_t>(to) % sizeof(Two) == 0) {
    *reinterpret_cast<Two*>(to) = {first, other};
    return;
  }
#endif
  to[0] = first;
  if (second) to[1] = other;
}

}  // namespace cq::kernels::cuda
