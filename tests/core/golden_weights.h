#pragma once
// Weights and inputs as a formula of names and positions, the same as in golden/golden_weights.py.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cq/base/hash.h"
#include "cq/core/weights.h"

namespace cq::test {

/// float32 in -1..1: a hash of the position, seeded by FNV-1a of the name.
inline at::Tensor uniform(const std::string& name, at::IntArrayRef shape) {
  uint32_t seed = 2166136261U;
  for (const char c : name) seed = (seed ^ uint8_t(c)) * 16777619U;
  auto values = at::empty(shape, at::kFloat);
  auto* out = values.data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    uint32_t x = uint32_t(i) * 2654435761U + seed;
    for (int round = 0; round < 2; ++round) {
      x ^= x >> 16;
      x *= 0x45D9F3BU;
    }
    x ^= x >> 16;
    out[i] = float(double(x) / 2147483648.0 - 1);
  }
  return values;
}

inline at::Tensor weight(const std::string& name, at::IntArrayRef shape) {
  const auto u = uniform(name, shape);
  if (shape.size() >= 2) return u * std::sqrt(3.0 * double(shape[0]) / double(u.numel()));
  const bool about_one = name.ends_with("weight") || name.ends_with("running_var");
  return about_one ? 1 + 0.2F * u : 0.1F * u;
}

/// Gives every parameter its value.
inline void fill(const Weights& weights) {
  for (const auto& [name, value] : weights.named()) value.copy_(weight(name, value.sizes()));
}

/// SHA-256 of the sorted lines `name d0,d1,...`.
inline std::string key_hash(const Weights& weights) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : weights.named()) {
    lines.push_back(fmt::format("{} {}", name, fmt::join(value.sizes(), ",")));
  }
  std::sort(lines.begin(), lines.end());
  Sha256 hash;
  hash.add(fmt::format("{}", fmt::join(lines, "\n")));
  return hash.hex();
}

/// As `key_hash`, with the size of a 1x1 kernel left out, which layouts have in one, two or no
/// dimensions.
inline std::string product_hash(const Weights& weights) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : weights.named()) {
    auto shape = value.sizes();
    while (shape.size() > 2 && shape.back() == 1) shape = shape.slice(0, shape.size() - 1);
    lines.push_back(fmt::format("{} {}", name, fmt::join(shape, ",")));
  }
  std::sort(lines.begin(), lines.end());
  Sha256 hash;
  hash.add(fmt::format("{}", fmt::join(lines, "\n")));
  return hash.hex();
}

/// Largest difference over the largest expected magnitude.
inline double difference(const at::Tensor& got, const at::Tensor& expected) {
  return ((got - expected).abs().max() / expected.abs().max()).item<double>();
}

}  // namespace cq::test
