#pragma once
// Kernels that go through rows, for a team of threads to each row: a warp on the device
// (cuda_rows.cu), an emulation of one in the tests. A team offers
//   each(n, body)        body(i) for all i < n, the same thread for the same i in every call
//   sum<T>(n, value)     of value(i) over i < n, known to all threads
//   most<T>(n, value)    the largest, n > 0
//   keep<T>(n, load)     load(i) of all i < n <= Team::most_kept(), in registers
//   sum_kept<T>(kept, n, value)  of value(load(i), i)
//   once(body)           on one thread.
#include "cq/core/kernels/cuda/elements.h"
#include "cq/core/kernels/device_kernels.h"

namespace cq::kernels::cuda {

/// Codes of a row's values and their sums. `to` is where the row goes, in rows of codes.
template <class Team, class Value>
CQ_DEVICE void store_codes(const Team& team, const CodeOutput& out, int64_t row, int64_t to,
                           int64_t channels, const Value& steps) {
  const Encoder encode = encoder_of(out.range);
  uint8_t* codes = out.codes.row(to);
  const int32_t flip = out.as_signed ? 128 : 0;
  const int64_t width = channels / out.segments;
  for (int64_t s = 0; s < out.segments; ++s) {
    const int32_t sum = team.template sum<int32_t>(width, [&](int64_t i) {
      const int32_t code = encode(steps(s * width + i));
      codes[s * width + i] = uint8_t(code ^ flip);
      return code - out.range.zero_point;
    });
    if (out.sums != nullptr) team.once([&] { out.sums[row * out.segments + s] = sum; });
  }
}

/// Four values side by side, at a multiple of 16 bytes.
struct alignas(16) Quad {
  float v[4];
};
CQ_DEVICE Quad quad_at(const float* values) {
  return *reinterpret_cast<const Quad*>(values);
}
/// Null pointers are.
CQ_DEVICE bool has_quads(const void* values) {
  return reinterpret_cast<uintptr_t>(values) % sizeof(Quad) == 0;
}
CQ_DEVICE bool takes_quads(const CodeOutput& out, int64_t to, int64_t channels) {
  return channels / out.segments % 4 == 0 &&
         reinterpret_cast<uintptr_t>(out.codes.row(to)) % sizeof(uint32_t) == 0;
}

/// As store_codes, four at a time: steps(x, c) gives the values of channels c to c + 3 from what
/// is kept of them, or from load(c) where nothing is. Memory is asked for 16 bytes a thread, and
/// for a whole row before anything waits, without which it would wait more than it works.
template <class Team, class Kept, class Load, class Steps>
CQ_DEVICE void store_quads(const Team& team, const CodeOutput& out, int64_t row, int64_t to,
                           int64_t channels, const Kept* kept, const Load& load,
                           const Steps& steps) {
  const Encoder encode = encoder_of(out.range);
  uint8_t* codes = out.codes.row(to);
  const int32_t flip = out.as_signed ? 128 : 0;
  const int64_t width = channels / out.segments;
  const auto store = [&](const Quad& x, int64_t c) {
    const Quad quad = steps(x, c);
    uint32_t word = 0;
    int32_t total = 0;
    CQ_UNROLL
    for (int j = 0; j < 4; ++j) {
      const int32_t code = encode(quad.v[j]);
      word |= uint32_t(code ^ flip) << (8 * j);
      total += code;
    }
    *reinterpret_cast<uint32_t*>(codes + c) = word;
    return total - 4 * out.range.zero_point;
  };
  if (kept != nullptr && out.segments == 1) {
    const int32_t sum = team.template sum_kept<int32_t>(
        *kept, channels / 4, [&](const Quad& x, int64_t i) { return store(x, 4 * i); });
    if (out.sums != nullptr) team.once([&] { out.sums[row] = sum; });
    return;
  }
  for (int64_t s = 0; s < out.segments; ++s) {
    const int32_t sum = team.template sum<int32_t>(width / 4, [&](int64_t i) {
      const int64_t c = s * width + 4 * i;
      return store(load(c), c);
    });
    if (out.sums != nullptr) team.once([&] { out.sums[row * out.segments + s] = sum; });
  }
}

CQ_DEVICE float activated(const Activate& a, int64_t image, int64_t row, int64_t c) {
  float x;
  if (a.x.floats) {
    x = a.x.floats.row(row)[c];
  } else {
    x = float(a.x.codes.row(row)[c]);
  }
  if (a.act == Act::geglu) return x * gelu_erf(a.x.floats.row(row)[a.channels + c]);
  if (a.factor) x = fmaf(a.factor.row(image)[c], x, a.offset.row(image)[c]);
  return act_of(a.act, x);
}

/// Row `from` to codes of row `row`.
template <class Team>
CQ_DEVICE void activate_plain(const DeviceActivate& d, int64_t row, int64_t from, int64_t image,
                              const Team& team) {
  const auto& a = d.a;
  const float inverse = a.out.range.inverse_scale;
  const int64_t to = d.to.offset(row);
  const float* x = a.x.floats ? a.x.floats.row(from) : nullptr;
  const float* gates = x != nullptr && a.act == Act::geglu ? x + a.channels : nullptr;
  const float* factor = a.factor ? a.factor.row(image) : nullptr;
  const float* offset = a.factor ? a.offset.row(image) : nullptr;
  const bool quads = x != nullptr && takes_quads(a.out, to, a.channels) && has_quads(x) &&
                     has_quads(gates) && has_quads(factor) && has_quads(offset);
  if (!quads) {
    store_codes(team, a.out, row, to, a.channels,
                [&](int64_t c) { return activated(a, image, from, c) * inverse; });
    return;
  }
  const auto load = [&](int64_t c) { return quad_at(x + c); };
  const auto steps = [&](Quad y, int64_t c) {
    if (gates != nullptr) {
      const Quad gate = quad_at(gates + c);
      CQ_UNROLL
      for (int j = 0; j < 4; ++j) y.v[j] *= gelu_erf(gate.v[j]);
    } else if (factor != nullptr) {
      const Quad f = quad_at(factor + c), o = quad_at(offset + c);
      CQ_UNROLL
      for (int j = 0; j < 4; ++j) y.v[j] = fmaf(f.v[j], y.v[j], o.v[j]);
    }
    activate_all(a.act, y.v);
    CQ_UNROLL
    for (int j = 0; j < 4; ++j) y.v[j] *= inverse;
    return y;
  };
  if (a.channels <= 4 * Team::most_kept()) {
    const auto kept = team.keep(a.channels / 4, [&](int64_t i) { return load(4 * i); });
    store_quads(team, a.out, row, to, a.channels, &kept, load, steps);
  } else {
    store_quads(team, a.out, row, to, a.channels, (const typename Team::Kept*)nullptr, load, steps);
  }
}

template <class Team>
CQ_DEVICE void activate_row(const DeviceActivate& d, int64_t row, const Team& team) {
  const auto& a = d.a;
  const int64_t image = uint32_t(row) / uint32_t(a.rows_per_image);
  const int64_t position = row - image * a.rows_per_image;
  if (d.cleared != nullptr) team.once([&] { d.cleared[row] = 0; });
  if (d.resampling == Resampling::none) {
    activate_plain(d, row, d.from.width > 0 ? d.from.offset(row) : row, image, team);
    return;
  }
  const int64_t y = position / d.out_width, x = position % d.out_width;
  const int64_t base = image * d.in_positions;
  if (d.resampling == Resampling::up) {
    activate_plain(d, row, base + y / 2 * d.in_width + x / 2, image, team);
    return;
  }
  const float inverse = a.out.range.inverse_scale;
  const int64_t above = base + 2 * y * d.in_width + 2 * x, below = above + d.in_width;
  store_codes(team, a.out, row, d.to.offset(row), a.channels, [&](int64_t c) {
    float sum = activated(a, image, above, c) + activated(a, image, above + 1, c);
    sum += activated(a, image, below, c);
    sum += activated(a, image, below + 1, c);
    return sum * 0.25F * inverse;
  });
}

/// What layer norm takes of a row: its values are (x - mean) factor + offset.
struct RowNorm {
  float mean = 0, factor = 1, offset = 0;
};
/// The second pass corrects the rounding of the first's mean, as in layer_norm.cc. over(f) is the
/// sum of f(x) over the row.
template <class Over>
CQ_DEVICE RowNorm row_norm(const LayerNorm& n, const Over& over) {
  const auto count = double(n.channels);
  const auto mean = float(double(over([](float x) { return x; })) / count);
  const float left = over([&](float x) { return x - mean; });
  const float squares = over([&](float x) { return (x - mean) * (x - mean); });
  const double rest = double(left) / count;
  const double inverse = 1 / sqrt(double(squares) / count - rest * rest + n.eps);
  return {mean, float(inverse), float(-rest * inverse)};
}

template <class Team>
CQ_DEVICE void layer_norm_values(const DeviceLayerNorm& d, int64_t row, const Team& team) {
  const auto& n = d.norm;
  const float* x = n.x.row(row);
  const RowNorm by = row_norm(n, [&](const auto& of) {
    return team.template sum<float>(n.channels, [&](int64_t c) { return of(x[c]); });
  });
  const int64_t image = row / n.rows_per_image;
  store_codes(team, n.out, row, d.to.offset(row), n.channels, [&](int64_t c) {
    float y = fmaf(x[c] - by.mean, by.factor, by.offset);
    if (n.weight != nullptr) y *= n.weight[c];
    if (n.bias != nullptr) y += n.bias[c];
    if (n.scale) y = fmaf(y, n.scale.row(image)[c] + 1.0F, n.shift.row(image)[c]);
    return act_of(n.act, y) * n.out.range.inverse_scale;
  });
}

template <class Team>
CQ_DEVICE void layer_norm_row(const DeviceLayerNorm& d, int64_t row, const Team& team) {
  const auto& n = d.norm;
  const float* x = n.x.row(row);
  const int64_t image = uint32_t(row) / uint32_t(n.rows_per_image), to = d.to.offset(row);
  if (d.cleared != nullptr) team.once([&] { d.cleared[row] = 0; });
  const float* scale = n.scale ? n.scale.row(image) : nullptr;
  const float* shift = n.scale ? n.shift.row(image) : nullptr;
  const bool quads = takes_quads(n.out, to, n.channels) && has_quads(x) && has_quads(n.weight) &&
                     has_quads(n.bias) && has_quads(scale) && has_quads(shift);
  if (!quads || n.channels > 4 * Team::most_kept()) {
    layer_norm_values(d, row, team);
    return;
  }
  const auto load = [&](int64_t c) { return quad_at(x + c); };
  const auto kept = team.keep(n.channels / 4, [&](int64_t i) { return load(4 * i); });
  const RowNorm by = row_norm(n, [&](const auto& of) {
    return team.template sum_kept<float>(kept, n.channels / 4, [&](const Quad& q, int64_t) {
      return (of(q.v[0]) + of(q.v[1])) + (of(q.v[2]) + of(q.v[3]));
    });
  });
  const auto one = Quad{{1, 1, 1, 1}}, none = Quad{};
  store_quads(team, n.out, row, to, n.channels, &kept, load, [&](Quad y, int64_t c) {
    const Quad weight = n.weight != nullptr ? quad_at(n.weight + c) : one;
    const Quad bias = n.bias != nullptr ? quad_at(n.bias + c) : none;
    const Quad times = scale != nullptr ? quad_at(scale + c) : none;
    const Quad add = scale != nullptr ? quad_at(shift + c) : none;
    CQ_UNROLL
    for (int j = 0; j < 4; ++j) {
      const float normed = fmaf(y.v[j] - by.mean, by.factor, by.offset) * weight.v[j] + bias.v[j];
      y.v[j] = fmaf(normed, times.v[j] + 1.0F, add.v[j]);
    }
    activate_all(n.act, y.v);
    CQ_UNROLL
    for (int j = 0; j < 4; ++j) y.v[j] *= n.out.range.inverse_scale;
    return y;
  });
}

/// below(j): score j less the row's largest; keep and kept: the workspace. One segment.
template <class Team, class Below, class Keep, class Kept>
CQ_DEVICE void softmax_codes(const Softmax& s, int64_t row, const Team& team, const Below& below,
                             const Keep& keep, const Kept& kept) {
  const float exponent = s.factor * kLog2E;
  const float total = team.template sum<float>(s.columns, [&](int64_t j) {
    const float e = exp2_of(fmaxf(below(j) * exponent, -126.0F));
    keep(j, e);
    return e;
  });
  const float steps = s.out.range.inverse_scale / total;
  store_codes(team, s.out, row, row, s.columns, [&](int64_t j) { return kept(j) * steps; });
}

template <class Team>
CQ_DEVICE void softmax_row(const Softmax& s, int64_t row, const Team& team) {
  if (s.scores) {
    float* scores = s.scores.row(row);
    const float most = team.template most<float>(s.columns, [&](int64_t j) { return scores[j]; });
    softmax_codes(
        s, row, team, [&](int64_t j) { return scores[j] - most; },
        [&](int64_t j, float e) { scores[j] = e; }, [&](int64_t j) { return scores[j]; });
    return;
  }
  int32_t* sums = s.sums.row(row);
  const int32_t* terms = s.column_terms ? s.column_terms.row(row / s.rows_per_block) : nullptr;
  const auto score = [&](int64_t j) { return sums[j] + (terms == nullptr ? 0 : terms[j]); };
  const int32_t most = team.template most<int32_t>(s.columns, score);
  softmax_codes(
      s, row, team, [&](int64_t j) { return float(score(j) - most); },
      [&](int64_t j, float e) { sums[j] = std::bit_cast<int32_t>(e); },
      [&](int64_t j) { return std::bit_cast<float>(sums[j]); });
}

}  // namespace cq::kernels::cuda
