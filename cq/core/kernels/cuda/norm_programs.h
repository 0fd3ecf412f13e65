#pragma once
// Group norm, as in group_norm.cc: moments of a channel over a part of an image, in the same order
// of additions, then totals of a group in float64. Teams as in row_programs.h.
#include "cq/core/kernels/cuda/elements.h"
#include "cq/core/kernels/group_norm.h"

namespace cq::kernels::cuda {

constexpr int kNormTile = 8;   ///< rows that are summed before their sum joins the part's
constexpr int kNormTiles = 4;  ///< that are read before the first is summed

template <class T>
CQ_DEVICE void channel_moments(const Rows<const T>& x, int64_t first, int64_t last, int64_t c,
                               float* shift_out, int64_t channels) {
  constexpr bool kCoded = sizeof(T) == 1;
  const int64_t samples = last - first < kNormTile ? last - first : kNormTile;
  float shift = 0;
  for (int64_t i = 0; !kCoded && i < samples; ++i) {
    shift += float(x.row(first + i * (last - first) / samples)[c]);
  }
  shift *= 1.0F / float(samples);
  float sum = 0, squares = 0;
  int64_t r = first;
  const auto join = [&](const T* values) {
    float tile = float(values[0]) - shift;
    float tile_squares = tile * tile;
    CQ_UNROLL
    for (int i = 1; i < kNormTile; ++i) {
      const float difference = float(values[i]) - shift;
      tile += difference;
      tile_squares = fmaf(difference, difference, tile_squares);
    }
    sum += tile;
    squares += tile_squares;
  };
  // All at once, so that their ways from memory overlap.
  for (constexpr int kRows = kNormTile * kNormTiles; r + kRows <= last; r += kRows) {
    T values[kRows];
    CQ_UNROLL
    for (int i = 0; i < kRows; ++i) values[i] = x.row(r + i)[c];
    CQ_UNROLL
    for (int i = 0; i < kNormTiles; ++i) join(values + i * kNormTile);
  }
  for (; r + kNormTile <= last; r += kNormTile) {
    T values[kNormTile];
    CQ_UNROLL
    for (int i = 0; i < kNormTile; ++i) values[i] = x.row(r + i)[c];
    join(values);
  }
  for (; r < last; ++r) {
    const float difference = float(x.row(r)[c]) - shift;
    sum += difference;
    squares += difference * difference;
  }
  shift_out[0] = shift;
  shift_out[channels] = sum;
  shift_out[2 * channels] = squares;
}

/// Channel c (of both operands) over part `index` = image * group_norm_parts() + part.
CQ_DEVICE void group_norm_channel(const GroupNorm& n, int64_t index, int64_t c) {
  const int64_t parts = group_norm_parts(n), image = index / parts, part = index % parts;
  const int64_t begin = image * n.positions + part * n.positions / parts;
  const int64_t end = image * n.positions + (part + 1) * n.positions / parts;
  float* to = n.moments + index * 3 * n.channels() + c;
  const bool second = c >= n.operands[0].channels;
  const auto& o = n.operands[second ? 1 : 0];
  if (second) c -= n.operands[0].channels;
  if (o.x.floats) {
    channel_moments(o.x.floats, begin, end, c, to, n.channels());
  } else {
    channel_moments(o.x.codes, begin, end, c, to, n.channels());
  }
}

/// Values of a channel are slope y + intercept of what the moments are of.
struct NormChannel {
  double slope = 1, intercept = 0;
};
CQ_DEVICE NormChannel norm_channel(const GroupNorm& n, int64_t c) {
  const bool second = c >= n.operands[0].channels;
  const auto& o = n.operands[second ? 1 : 0];
  if (o.x.floats) return {};
  if (second) c -= n.operands[0].channels;
  return {o.slope[c], o.intercept[c]};
}

/// The factors of group `g` of an image.
template <class Team>
CQ_DEVICE void group_norm_group(const GroupNorm& n, int64_t image, int64_t g, const Team& team) {
  const int64_t parts = group_norm_parts(n), channels = n.channels(), width = channels / n.groups;
  const float* moments = n.moments + image * parts * 3 * channels;
  const auto count = double(width * n.positions);
  const auto over_group = [&](const auto& term) {
    return team.template sum<double>(parts * width, [&](int64_t i) {
      const int64_t p = i / width, c = g * width + i % width;
      const int64_t rows = (p + 1) * n.positions / parts - p * n.positions / parts;
      const float* m = moments + p * 3 * channels + c;
      return term(norm_channel(n, c), double(rows), double(m[0]), double(m[channels]),
                  double(m[2 * channels]));
    });
  };
  const double mean =
      over_group([&](const NormChannel& k, double rows, double shift, double sum, double) {
        return k.slope * (rows * shift + sum) + rows * k.intercept;
      }) /
      count;
  const double total =
      over_group([&](const NormChannel& k, double rows, double shift, double sum, double squares) {
        const double off = k.slope * shift + k.intercept - mean;
        return k.slope * (k.slope * squares + 2 * off * sum) + rows * off * off;
      });
  const double inverse = 1 / sqrt(fmax(total / count, 0.0) + n.eps);
  team.each(width, [&](int64_t i) {
    const int64_t c = g * width + i;
    double factor = inverse, offset = -mean * inverse;
    if (n.weight != nullptr) factor *= n.weight[c], offset *= n.weight[c];
    if (n.bias != nullptr) offset += n.bias[c];
    if (n.scale) {
      const double modulation = 1 + double(n.scale.row(image)[c]);
      factor *= modulation;
      offset = offset * modulation + n.shift.row(image)[c];
    }
    const NormChannel k = norm_channel(n, c);
    n.factor.row(image)[c] = float(factor * k.slope);
    n.offset.row(image)[c] = float(offset + factor * k.intercept);
  });
}

}  // namespace cq::kernels::cuda
