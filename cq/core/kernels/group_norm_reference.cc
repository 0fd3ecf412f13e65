#include <cmath>

#include "cq/core/kernels/group_norm.h"

namespace cq::kernels {

namespace {

const NormOperand& operand_of(const GroupNorm& n, int64_t c) {
  return n.operands[c < n.operands[0].channels ? 0 : 1];
}

double value_of(const GroupNorm& n, int64_t row, int64_t c) {
  const auto& o = operand_of(n, c);
  if (c >= n.operands[0].channels) c -= n.operands[0].channels;
  if (o.x.floats) return o.x.floats.row(row)[c];
  return double(o.slope[c]) * o.x.codes.row(row)[c] + double(o.intercept[c]);
}

void channel_factors(const GroupNorm& n, int64_t image, int64_t c, double mean, double inverse) {
  double factor = inverse, offset = -mean * inverse;
  if (n.weight != nullptr) factor *= n.weight[c], offset *= n.weight[c];
  if (n.bias != nullptr) offset += n.bias[c];
  if (n.scale) {
    const double modulation = 1 + double(n.scale.row(image)[c]);
    factor *= modulation;
    offset = offset * modulation + n.shift.row(image)[c];
  }
  const auto& o = operand_of(n, c);
  if (o.x.codes) {
    const int64_t own = c < n.operands[0].channels ? c : c - n.operands[0].channels;
    offset += factor * o.intercept[own];
    factor *= o.slope[own];
  }
  n.factor.row(image)[c] = float(factor);
  n.offset.row(image)[c] = float(offset);
}

}  // namespace

void group_norm_factors_reference(const GroupNorm& n, int64_t first, int64_t last) {
  const int64_t width = n.channels() / n.groups;
  for (int64_t image = first; image < last; ++image) {
    for (int64_t g = 0; g < n.groups; ++g) {
      const auto over_group = [&](auto&& term) {
        double sum = 0;
        for (int64_t p = 0; p < n.positions; ++p) {
          for (int64_t c = g * width; c < (g + 1) * width; ++c) {
            sum += term(value_of(n, image * n.positions + p, c));
          }
        }
        return sum / double(width * n.positions);
      };
      const double mean = over_group([](double x) { return x; });
      const double variance = over_group([&](double x) { return (x - mean) * (x - mean); });
      const double inverse = 1 / std::sqrt(variance + n.eps);
      for (int64_t c = g * width; c < (g + 1) * width; ++c) {
        channel_factors(n, image, c, mean, inverse);
      }
    }
  }
}

}  // namespace cq::kernels
