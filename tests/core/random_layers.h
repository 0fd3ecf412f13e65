#pragma once
// Random layers of integer execution, and what they must give.
#include <random>
#include <vector>

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "cq/core/correction.h"
#include "cq/core/quant/integer_input.h"
#include "cq/core/quant/integer_weights.h"
#include "cq/core/quant/simulated.h"

namespace cq::test {

struct Layer {
  Unit unit;
  UnitInput in;
  std::vector<WeightRanges> weights;
  std::vector<InputSide> sides;
  int64_t bits = 8;
};

/// Layers of every shape, geometry and range, with operands.
class RandomLayers {
 public:
  Layer draw() {
    Layer l;
    auto& unit = l.unit;
    unit.name = "layer";
    unit.id = 0;
    const int64_t batch = between(1, 3), outputs = between(1, 140);
    int64_t inputs = between(1, 70);
    const bool conv = between(0, 3) > 0;
    const bool modulated = between(0, 3) == 0;
    unit.act = Activation(between(0, 3));
    if (conv) {
      const int64_t kernel = between(1, 3);
      const int64_t height = coin() ? between(kernel, 20) : kernel, width = between(kernel, 20);
      for (auto& side : unit.conv.padding) side = between(0, 1);
      unit.conv.stride = between(1, 2);
      const int64_t groups = between(0, 4) == 0 ? 2 : 1;
      const bool seam = groups == 1 && between(0, 2) == 0;
      inputs *= groups;
      if (coin()) {
        unit.norm = {NormKind::group, 1, 1e-5, at::randn({inputs}), at::randn({inputs})};
        if (inputs % 4 == 0) unit.norm.groups = inputs / 4;
      }
      if (!seam && unit.norm.kind == NormKind::none) unit.resample = Resample(between(0, 2));
      if (height < 2 * kernel || width < 2 * kernel) unit.resample = Resample::none;
      unit.conv.groups = groups;
      const int64_t o = outputs * groups;
      unit.weight = at::randn({o, inputs / groups, kernel, kernel});
      if (coin()) unit.bias = at::randn({o});
      const auto image = [&](int64_t c) {
        return at::randn({batch, c, height, width}).contiguous(at::MemoryFormat::ChannelsLast);
      };
      l.in.x = image(inputs);
      if (seam && inputs > 1) {
        unit.seam = between(1, inputs - 1);
        l.in.skip = l.in.x.narrow(1, unit.seam, inputs - unit.seam);
        l.in.x = l.in.x.narrow(1, 0, unit.seam);
      }
    } else {
      unit.weight = at::randn({outputs, inputs});
      if (between(0, 2) == 0) {
        unit.norm = {NormKind::layer, 1, 1e-6, {}, {}};
        if (coin()) unit.norm.weight = at::randn({inputs});
        if (coin() && unit.norm.weight.defined()) unit.norm.bias = at::randn({inputs});
      } else if (coin()) {
        unit.act = Activation::geglu;
      }
      const int64_t wide = unit.act == Activation::geglu ? 2 * inputs : inputs;
      l.in.x = at::randn({batch, between(1, 70), wide});
    }
    if (modulated && unit.norm.kind != NormKind::none) {
      l.in.scale = at::randn({batch, inputs});
      l.in.shift = at::randn({batch, inputs});
    }
    l.bits = between(2, 8);
    finish(l, batch);
    return l;
  }

 private:
  int64_t between(int64_t low, int64_t high) {
    return low + int64_t(generator_() % uint64_t(high - low + 1));
  }
  bool coin() { return generator_() % 2 == 0; }

  /// Ranges from the values themselves, and what comes after the product.
  void finish(Layer& l, int64_t batch) {
    const auto& unit = l.unit;
    const auto prologue = unit_prologue(unit, l.in);
    for (int64_t i = 0; i < cq::sides(unit); ++i) {
      l.weights.push_back(search_weight_ranges(side_weight(unit, i), l.bits, coin()));
      const auto x = side_input(unit, prologue, i);
      const int64_t bits = between(4, 8);
      const auto range = range_of(x.min().item<double>() * 0.8, x.max().item<double>() * 0.8, bits);
      l.sides.push_back({range, bits, true});
    }
    const auto y = unit_product(unit, prologue, unit.weight, {});
    const auto o = unit.out_channels();
    if (coin()) l.in.channel_bias = at::randn({batch, o});
    if (coin()) l.in.gate = at::randn({batch, o});
    if (coin()) {
      l.in.residual = at::randn(y.sizes());
      if (y.dim() == 4) {
        l.in.residual = l.in.residual.contiguous(at::MemoryFormat::ChannelsLast);
      }
    }
  }

  std::mt19937_64 generator_{3};
};

/// Codes of a side as a tensor in the shape of the float input.
inline at::Tensor codes_of(const CodeImage& codes, const at::Tensor& like) {
  const auto& s = codes.shape();
  auto out = at::empty({s.images, s.height, s.width, s.channels}, at::kDouble);
  const auto bytes = codes.bytes().cpu();
  double* to = out.data_ptr<double>();
  for (int64_t b = 0; b < s.images; ++b) {
    for (int64_t y = 0; y < s.height; ++y) {
      for (int64_t x = 0; x < s.width; ++x) {
        const uint8_t* from =
            bytes.data_ptr<uint8_t>() + (codes.position(b, y) + x) * codes.depth();
        for (int64_t c = 0; c < s.channels; ++c) *to++ = double(from[c]);
      }
    }
  }
  return like.dim() == 4 ? out.permute({0, 3, 1, 2}) : out.reshape(like.sizes());
}

/// How many codes of layers differ from those of simulated quantization, none by more than one.
struct CodeCount {
  int64_t differing = 0, all = 0;

  void add(const Layer& l, const std::vector<CodeImage>& codes) {
    const auto prologue = unit_prologue(l.unit, l.in);
    for (size_t i = 0; i < codes.size(); ++i) {
      const auto x = side_input(l.unit, prologue, int64_t(i));
      const auto& range = l.sides[i].range;
      const auto simulated = fake_quantize(x.contiguous(), range, l.sides[i].bits);
      const auto difference =
          (codes_of(codes[i], x) - at::round(simulated.to(at::kDouble) / range.scale) -
           double(range.zero_point))
              .abs();
      EXPECT_LE(difference.max().item<double>(), 1);
      differing += difference.ne(0).sum().item<int64_t>();
      all += difference.numel();
    }
  }
};

/// a2, b2 of an error correction, or undefined.
struct OutputCorrection {
  at::Tensor slope, offset;
};

/// The layer's result from the codes that were made, in float64, where their sums are exact.
inline at::Tensor exact_result(const Layer& l, const std::vector<CodeImage>& codes,
                               const OutputCorrection& correction) {
  const auto& unit = l.unit;
  const auto prologue = unit_prologue(unit, l.in);
  at::Tensor expected;
  for (size_t i = 0; i < codes.size(); ++i) {
    const auto x = side_input(unit, prologue, int64_t(i));
    const auto values =
        (codes_of(codes[i], x) - double(l.sides[i].range.zero_point)) * l.sides[i].range.scale;
    const auto rounded =
        fake_quantize_weight(side_weight(unit, int64_t(i)), l.weights[i], l.bits).to(at::kDouble);
    auto y = unit_product(unit, values, rounded, {});
    if (i == 0 && correction.slope.defined()) {
      y = apply_affine(y, correction.slope, correction.offset);
    }
    expected = i == 0 ? y : expected + y;
  }
  if (unit.bias.defined()) {
    expected = expected + (unit.is_conv() ? unit.bias.view({1, -1, 1, 1}) : unit.bias);
  }
  return unit_epilogue(expected, l.in);
}

}  // namespace cq::test
