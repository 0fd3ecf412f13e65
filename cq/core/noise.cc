#include "cq/core/noise.h"

#include <cmath>
#include <numbers>

#include <ATen/core/PhiloxRNGEngine.h>

namespace cq {

namespace {

// Box-Muller in double, rounded once, so that no vectorised float logarithm makes machines differ.
void fill_normal(float* out, int64_t n, uint64_t key, uint64_t stream) {
  at::Philox4_32 engine(key, stream, 0);
  const auto uniform = [&] { return (double(engine()) + 0.5) * 0x1p-32; };
  for (int64_t i = 0; i < n; i += 2) {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    const double angle = 2 * std::numbers::pi * uniform();
    out[i] = float(radius * std::cos(angle));
    if (i + 1 < n) out[i + 1] = float(radius * std::sin(angle));
  }
}

}  // namespace

at::Tensor NoiseSource::draw(int64_t n, at::IntArrayRef shape, uint64_t stream) const {
  std::vector<int64_t> sizes{n};
  sizes.insert(sizes.end(), shape.begin(), shape.end());
  auto noise = at::empty(sizes, at::kFloat);
  if (n == 0) return noise;
  const int64_t each = noise.numel() / n;
  for (int64_t i = 0; i < n; ++i) {
    fill_normal(noise.data_ptr<float>() + i * each, each, seed_ + uint64_t(first_ + i), stream);
  }
  return noise;
}

}  // namespace cq
