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
  auto*& sums = e.terms[0].sums;
  if (sums != nullptr) sums += batch_offset(p, p.row_sums_batch, batch);
  return e;
}

/// Of a column: (sum - subtracted) factor + bias, and what a row's sums are multiplied with.
struct ColumnEnd {
  int32_t subtracted = 0;
  float factor = 1, bias = 0, term = 0;
};

CQ_DEVICE ColumnEnd column_end(const Epilogue& e, const Coefficients& k, int64_t c) {
  ColumnEnd made;
  if (k) {
    made.factor = k.scale * k.weight_scale[c];
    if (k.slope != nullptr) made.factor *= k.slope[c];
    made.subtracted = k.zero_point * int32_t(k.column_sums[c]);
    if (k.bias != nullptr) made.bias = k.bias[c];
    if (k.offset != nullptr) made.bias += k.offset[c];
    if (k.row_sums != nullptr) made.term = -made.factor * k.weight_zero[c];
    return made;
  }
  if (e.factor != nullptr) made.factor = e.factor[c];
  if (e.bias != nullptr) made.bias = e.bias[c];
  if (e.terms[0].sums != nullptr) made.term = e.terms[0].factor[c];
  return made;
}

struct RowEnd {
  int64_t image = 0;
  float term = 0;  ///< sum of the row
};

CQ_DEVICE RowEnd row_end(const Epilogue& e, const Coefficients& k, int64_t r) {
  RowEnd made;
  if (e.channel_bias || e.gate) made.image = uint32_t(r) / uint32_t(e.rows_per_image);
  const int32_t* sums = k ? k.row_sums : e.terms[0].sums;
  if (sums != nullptr) made.term = float(sums[r]);
  return made;
}

/// Two values side by side.
template <class T>
struct alignas(2 * sizeof(T)) Two {
  T v[2];
};

template <class T>
CQ_DEVICE bool is_aligned(const T* values) {
  return reinterpret_cast<uintptr_t>(values) % sizeof(Two<T>) == 0;
}

/// The second of the two need not be there: 0.
CQ_DEVICE Two<float> two_at(const float* values, bool second) {
  if (second && is_aligned(values)) return *reinterpret_cast<const Two<float>*>(values);
  return {{values[0], second ? values[1] : 0.0F}};
}

template <class T>
CQ_DEVICE void store_two(T* to, const Two<T>& values, bool second) {
  if (second && is_aligned(to)) {
    *reinterpret_cast<Two<T>*>(to) = values;
    return;
  }
  to[0] = values.v[0];
  if (second) to[1] = values.v[1];
}

/// What is added to two values, read before: 0 where nothing is.
struct Added {
  Two<float> addend = {}, residual = {};
};

/// A sum's value.
CQ_DEVICE float scaled(const RowEnd& row, const ColumnEnd& column, int32_t sum) {
  const float y = float(sum - column.subtracted) * column.factor + column.bias;
  return fmaf(row.term, column.term, y);
}

/// What becomes of a sum.
CQ_DEVICE float end_one(const RowEnd& row, const ColumnEnd& column, int32_t sum, float addend,
                        float channel_bias, float gate, float residual) {
  float y = scaled(row, column, sum);
  y += addend;
  y += channel_bias;
  y *= gate;
  y += residual;
  return y;
}

/// What becomes of two sums of a row, of channels c and c + 1.
CQ_DEVICE Two<float> end_two(const Epilogue& e, const RowEnd& row, const ColumnEnd (&columns)[2],
                             const Added& added, int64_t c, const int32_t* sums, bool second) {
  const auto read = [&](const Rows<const float>& rows) {
    return two_at(rows.row(row.image) + c, second);
  };
  Two<float> y, channel_bias = {}, gate = {{1, 1}};
  if (e.channel_bias) channel_bias = read(e.channel_bias);
  if (e.gate) gate = read(e.gate);
  CQ_UNROLL
  for (int j = 0; j < 2; ++j) {
    y.v[j] = end_one(row, columns[j], sums[j], added.addend.v[j], channel_bias.v[j], gate.v[j],
                     added.residual.v[j]);
  }
  return y;
}

}  // namespace cq::kernels::cuda
