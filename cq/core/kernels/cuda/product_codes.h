#pragma once
// A product's values as codes of what follows: activation and quantizer where the epilogue ends.
#include "cq/core/kernels/cuda/elements.h"
#include "cq/core/kernels/device_kernels.h"

namespace cq::kernels::cuda {

/// Columns that give codes: geglu's second half are gates.
CQ_DEVICE int64_t coded_columns(const DeviceProduct& p) {
  return p.act == Act::geglu ? p.columns / 2 : p.columns;
}

/// The column that a tile of `tile_columns`, of which `first` is the first, has at place `place`;
/// geglu puts values and their gates into one tile, `half` of each in turn. -1: past the last.
CQ_DEVICE int64_t column_at(const DeviceProduct& p, int64_t first, int place, int half) {
  if (p.act != Act::geglu) {
    const int64_t column = first + place;
    return column < p.columns ? column : -1;
  }
  const int64_t value = first / 2 + place / (2 * half) * half + place % half;
  if (value >= p.columns / 2) return -1;
  return place / half % 2 == 0 ? value : p.columns / 2 + value;
}

/// Where the codes of a column go, the part's first row being `codes`.
struct CodePlace {
  uint8_t* codes = nullptr;
  int64_t stride = 0;
  float inverse_scale = 1;
  Encoder encode = {};
  int32_t zero_point = 0, flip = 0;
};
CQ_DEVICE CodePlace place_of(const DeviceProduct& p, int64_t column) {
  const auto width = uint32_t(coded_columns(p)) / uint32_t(p.parts);
  const uint32_t part = uint32_t(column) / width, c = uint32_t(column) % width;
  const auto& to = p.codes[part];
  const auto segment = uint32_t(to.segment);
  const int64_t offset = segment > 0 ? c / segment * to.segment_stride + c % segment : c;
  const auto& out = to.out;
  return {out.codes.data + offset, out.codes.stride,     out.range.inverse_scale,
          encoder_of(out.range),   out.range.zero_point, out.as_signed ? 128 : 0};
}

/// Whether `count` columns from a multiple of `count` on go side by side.
CQ_DEVICE bool lie_together(const DeviceProduct& p, int64_t count) {
  return coded_columns(p) / p.parts % count == 0 && p.codes[0].segment % count == 0;
}

/// The code of a value that has gone through the activation.
CQ_DEVICE int32_t code_of(const CodePlace& place, float value) {
  return place.encode(value * place.inverse_scale);
}

}  // namespace cq::kernels::cuda
