#include "cq/core/quant/integer_input.h"

#include "cq/base/error.h"
#include "cq/core/kernels/activate.h"
#include "cq/core/kernels/group_norm.h"
#include "cq/core/kernels/images.h"
#include "cq/core/kernels/layer_norm.h"
#include "cq/core/parallel.h"
#include "cq/core/quant/operands.h"

namespace cq {

namespace {

/// Values below which threads cost more than they save.
constexpr int64_t kSmall = 16384;

int64_t grain(int64_t values_of_one) {
  return std::max<int64_t>(1, kSmall / std::max<int64_t>(1, values_of_one));
}

at::Tensor dense(const at::Tensor& x) {
  if (!x.defined()) return x;
  const auto floats = x.to(at::kFloat);
  return x.dim() == 4 ? floats.contiguous(at::MemoryFormat::ChannelsLast) : floats.contiguous();
}

/// Values by image and channel, read through channel_rows: rows may be parts of longer ones.
at::Tensor by_channel(const at::Tensor& x) {
  if (!x.defined()) return x;
  const auto floats = x.to(at::kFloat);
  return floats.stride(1) == 1 ? floats : floats.contiguous();
}

CodeImage::Shape resampled(Resample kind, CodeImage::Shape shape) {
  if (kind == Resample::up) {
    shape.height *= 2;
    shape.width *= 2;
  } else if (kind == Resample::down) {
    shape.height /= 2;
    shape.width /= 2;
  }
  return shape;
}

class Quantization {
 public:
  Quantization(const Unit& unit, const UnitInput& in, const std::vector<InputSide>& sides)
      : unit_(unit), in_(in), sides_(sides), operands_{in.x, in.skip} {
    if (unit.norm.kind == NormKind::group) {
      group_norm();
    } else if (unit.norm.kind == NormKind::none && in.scale.defined()) {
      factor_ = in.scale + 1;
      offset_ = in.shift.contiguous();
    }
  }

  CodeImage side(size_t i) const {
    const auto shape = code_shape(unit_, operands_[i]);
    const CodeImage codes(shape, unit_.conv, sides_[i].sums);
    codes.fill_gaps(uint8_t(sides_[i].range.zero_point));
    if (unit_.resample == Resample::up) {
      upsampled(i, codes);
    } else {
      lines(i, codes);
    }
    return codes;
  }

 private:
  void group_norm() {
    const int64_t images = in_.x.size(0), channels = unit_.in_channels();
    factor_ = at::empty({images, channels}, at::kFloat);
    offset_ = at::empty({images, channels}, at::kFloat);
    auto g = group_norm_of(unit_, in_, factor_, offset_);
    const auto workspace = at::empty({kernels::group_norm_workspace(g, images)}, at::kFloat);
    g.moments = workspace.data_ptr<float>();
    const int64_t parts = kernels::group_norm_parts(g);
    const int64_t values = g.positions * channels / parts;
    const auto factors = [&](int64_t a, int64_t b) { kernels::group_norm_factors(g, a, b); };
    parallel_for(0, images * parts, grain(values), [&](int64_t a, int64_t b) {
      kernels::group_norm_moments(g, a, b);
      if (parts == 1) factors(a, b);
    });
    if (parts > 1) parallel_for(0, images, grain(channels), factors);
  }

  int64_t first_channel(size_t i) const { return i == 0 ? 0 : shape_of(operands_[0]).channels; }

  kernels::Activate activation(size_t i, int64_t rows_per_image) const {
    const auto own = shape_of(operands_[i]).channels;
    kernels::Activate a;
    a.x.floats = {operands_[i].data_ptr<float>(), own};
    a.channels = unit_.act == Activation::geglu ? own / 2 : own;
    a.factor = channel_rows(factor_);
    a.offset = channel_rows(offset_);
    if (a.factor) {
      a.factor.data += first_channel(i);
      a.offset.data += first_channel(i);
    }
    a.rows_per_image = rows_per_image;
    a.act = kernels::Act(int(unit_.act));
    a.out.range = code_range(sides_[i].range, sides_[i].bits);
    return a;
  }

  /// Line by line into the gapped image.
  void lines(size_t i, const CodeImage& codes) const {
    const auto& s = codes.shape();
    const auto source = shape_of(operands_[i]);
    const bool pooled = unit_.resample == Resample::down;
    const auto a = activation(i, s.height * s.width);
    kernels::LayerNorm norm;
    if (unit_.norm.kind == NormKind::layer) {
      norm = layer_norm_of(unit_, in_);
      norm.rows_per_image = a.rows_per_image;
    }
    // Where lines follow each other without a gap, threads share out positions, not lines.
    const bool whole = !codes.has_gaps();
    const int64_t length = whole ? 1 : s.width;
    const int64_t count = s.images * s.height * s.width / length;
    parallel_for(0, count, grain(length * s.channels), [&](int64_t first, int64_t last) {
      for (int64_t l = first; l < last; l = whole ? last : l + 1) {
        const int64_t row = l * length, end = whole ? last : row + length;
        const int64_t at = whole ? 0 : codes.position(l / s.height, l % s.height) - row;
        kernels::CodeOutput out{.codes = {codes.codes() + at * codes.depth(), codes.depth()},
                                .range = a.out.range,
                                .sums = codes.sums()};
        if (norm.channels > 0) {
          auto n = norm;
          n.out = out;
          kernels::layer_norm(n, row, end);
          continue;
        }
        auto part = a;
        part.out = out;
        if (pooled) {
          kernels::activate_pooled(part, {source.height * source.width, source.width, s.width}, row,
                                   end);
        } else {
          kernels::activate(part, row, end);
        }
      }
    });
  }

  /// At the input's size first, then each position four times.
  void upsampled(size_t i, const CodeImage& codes) const {
    const auto s = shape_of(operands_[i]);
    const CodeImage small({s.images, s.height, s.width, s.channels}, {}, sides_[i].sums);
    auto a = activation(i, s.height * s.width);
    a.out.codes = {small.codes(), small.depth()};
    a.out.sums = small.sums();
    parallel_for(0, s.images * s.height * s.width, grain(s.channels),
                 [&](int64_t first, int64_t last) { kernels::activate(a, first, last); });
    const auto& big = codes.shape();
    kernels::Upsample u{
        .in = {small.codes(), small.depth()}, .out = {}, .channels = s.channels, .width = s.width};
    parallel_for(0, big.images * big.height, grain(big.width * s.channels),
                 [&](int64_t first, int64_t last) {
                   for (int64_t l = first; l < last; ++l) {
                     auto part = u;
                     const int64_t at =
                         codes.position(l / big.height, l % big.height) - l * big.width;
                     part.out = {codes.codes() + at * codes.depth(), codes.depth()};
                     kernels::upsample(part, l, l + 1);
                     if (codes.sums() == nullptr) continue;
                     const int32_t* from =
                         small.sums() + (l / big.height * s.height + l % big.height / 2) * s.width;
                     for (int64_t x = 0; x < big.width; ++x) {
                       codes.sums()[l * big.width + x] = from[x / 2];
                     }
                   }
                 });
  }

  const Unit& unit_;
  const UnitInput& in_;
  const std::vector<InputSide>& sides_;
  at::Tensor operands_[2];
  at::Tensor factor_, offset_;
};

}  // namespace

CodeImage::Shape code_shape(const Unit& unit, const at::Tensor& operand) {
  if (unit.norm.kind == NormKind::layer && unit.resample != Resample::none) {
    throw RunError("[quant] layer {}: no integer kernel resamples after a layer norm", unit.name);
  }
  auto shape = shape_of(operand);
  if (unit.act == Activation::geglu) shape.channels /= 2;
  return resampled(unit.resample, shape);
}

kernels::GroupNorm group_norm_of(const Unit& unit, const UnitInput& in, const at::Tensor& factor,
                                 const at::Tensor& offset) {
  const auto& norm = unit.norm;
  const auto shape = shape_of(in.x);
  kernels::GroupNorm g{.positions = shape.height * shape.width,
                       .groups = norm.groups,
                       .eps = norm.eps,
                       .weight = data_or_null(norm.weight),
                       .bias = data_or_null(norm.bias),
                       .scale = channel_rows(in.scale),
                       .shift = channel_rows(in.shift),
                       .factor = {factor.data_ptr<float>(), unit.in_channels()},
                       .offset = {offset.data_ptr<float>(), unit.in_channels()}};
  const at::Tensor* operands[] = {&in.x, &in.skip};
  for (size_t i = 0; i < 2 && operands[i]->defined(); ++i) {
    g.operands[i].channels = shape_of(*operands[i]).channels;
    g.operands[i].x.floats = {operands[i]->data_ptr<float>(), g.operands[i].channels};
  }
  return g;
}

kernels::LayerNorm layer_norm_of(const Unit& unit, const UnitInput& in) {
  const int64_t channels = shape_of(in.x).channels;
  return {.x = {in.x.data_ptr<float>(), channels},
          .channels = channels,
          .eps = unit.norm.eps,
          .weight = data_or_null(unit.norm.weight),
          .bias = data_or_null(unit.norm.bias),
          .scale = channel_rows(in.scale),
          .shift = channel_rows(in.shift),
          .act = kernels::Act(int(unit.act)),
          .out = {}};
}

UnitInput dense_input(const UnitInput& in) {
  return {.x = dense(in.x),
          .skip = dense(in.skip),
          .scale = by_channel(in.scale),
          .shift = by_channel(in.shift),
          .gate = by_channel(in.gate),
          .residual = dense(in.residual),
          .channel_bias = by_channel(in.channel_bias)};
}

std::vector<CodeImage> quantize_input(const Unit& unit, const UnitInput& in,
                                      const std::vector<InputSide>& sides) {
  const Quantization quantization(unit, in, sides);
  std::vector<CodeImage> codes;
  for (size_t i = 0; i < sides.size(); ++i) codes.push_back(quantization.side(i));
  return codes;
}

}  // namespace cq
