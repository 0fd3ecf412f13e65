#include "cq/core/kernels/reference.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cq::kernels {

double gelu_erf_reference(double x) {
  return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
}

double act_reference(Act act, double x) {
  switch (act) {
    case Act::silu:
      return x / (1 + std::exp(-x));
    case Act::gelu_tanh: {
      const double inner = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      return 0.5 * x * (1 + std::tanh(inner));
    }
    case Act::gelu_erf:
      return gelu_erf_reference(x);
    case Act::quick_gelu:
      return x / (1 + std::exp(-1.702 * x));
    case Act::relu:
      return std::max(x, 0.0);
    case Act::none:
    case Act::geglu:
      break;
  }
  return x;
}

int32_t code_reference(float x, const CodeRange& range) {
  const float steps = std::nearbyint(x * range.inverse_scale);
  const auto low = float(-range.zero_point), high = float(range.top - range.zero_point);
  return int32_t(std::fmin(std::fmax(steps, low), high)) + range.zero_point;
}

}  // namespace cq::kernels
