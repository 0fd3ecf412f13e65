#include "cq/core/quant/device_layer.h"
#include "cq/core/quant/operands.h"

namespace cq {

namespace {

using kernels::DeviceKernels;

/// Factors and offsets by channel that come before the activation; undefined for none.
struct Affine {
  at::Tensor factor, offset;
};

Affine affine_of(const DeviceKernels& kernels, const Unit& unit, const UnitInput& in) {
  if (unit.norm.kind == NormKind::none && in.scale.defined()) {
    return {in.scale + 1, in.shift.contiguous()};
  }
  if (unit.norm.kind != NormKind::group) return {};
  const auto floats = in.x.options().dtype(at::kFloat);
  const int64_t images = in.x.size(0);
  const Affine made{at::empty({images, unit.in_channels()}, floats),
                    at::empty({images, unit.in_channels()}, floats)};
  auto norm = group_norm_of(unit, in, made.factor, made.offset);
  const auto workspace = at::empty({kernels::group_norm_workspace(norm, images)}, floats);
  norm.moments = workspace.data_ptr<float>();
  kernels.group_norm(norm, images);
  return made;
}

kernels::Rows<const float> from_channel(const at::Tensor& values, int64_t first) {
  auto rows = channel_rows(values);
  if (rows) rows.data += first;
  return rows;
}

/// Where codes of an image go, from its first position on.
kernels::Lattice lattice_of(const CodeImage& codes) {
  const auto& s = codes.shape();
  return {.width = s.width,
          .height = s.height,
          .step = 1,
          .line = codes.line(),
          .image = codes.image()};
}

}  // namespace

std::vector<CodeImage> device_input(const DeviceKernels& kernels, const Unit& unit,
                                    const UnitInput& in, const std::vector<InputSide>& sides,
                                    int32_t* cleared) {
  const auto affine = affine_of(kernels, unit, in);
  std::vector<CodeImage> made;
  int64_t first_channel = 0;
  for (size_t i = 0; i < sides.size(); ++i) {
    const auto& operand = i == 0 ? in.x : in.skip;
    const auto& codes = made.emplace_back(
        code_shape(unit, operand), unit.conv, sides[i].sums,
        CodeImage::Placement{.device = operand.device(), .multiple = kernels::kDeviceDepth});
    const auto& s = codes.shape();
    const auto source = shape_of(operand);
    if (codes.has_gaps()) codes.fill(uint8_t(sides[i].range.zero_point));
    const kernels::CodeOutput out{
        .codes = {codes.codes() + codes.position(0, 0) * codes.depth(), codes.depth()},
        .range = code_range(sides[i].range, sides[i].bits),
        .sums = codes.sums()};
    const int64_t rows_per_image = s.height * s.width, rows = s.images * rows_per_image;
    if (unit.norm.kind == NormKind::layer) {
      auto norm = layer_norm_of(unit, in);
      norm.rows_per_image = rows_per_image;
      norm.out = out;
      kernels.layer_norm({.norm = norm, .rows = rows, .to = lattice_of(codes), .cleared = cleared});
    } else {
      kernels::Activate a;
      a.x.floats = {operand.data_ptr<float>(), source.channels};
      a.channels = s.channels;
      a.factor = from_channel(affine.factor, first_channel);
      a.offset = from_channel(affine.offset, first_channel);
      a.rows_per_image = rows_per_image;
      a.act = kernels::Act(int(unit.act));
      a.out = out;
      kernels.activate({.a = a,
                        .rows = rows,
                        .to = lattice_of(codes),
                        .cleared = cleared,
                        .resampling = kernels::Resampling(int(unit.resample)),
                        .in_positions = source.height * source.width,
                        .in_width = source.width,
                        .out_width = s.width});
    }
    first_channel += source.channels;
  }
  return made;
}

}  // namespace cq
