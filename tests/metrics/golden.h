#pragma once
// Inputs and expectations that golden/generate.py wrote.
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cq/core/tensor.h"

namespace cq::testing {

inline std::string golden_path(const std::string& name) {
  return std::string(CQ_SOURCE_DIR) + "/tests/metrics/golden/" + name;
}

inline nlohmann::json golden() {
  std::ifstream file(golden_path("golden.json"));
  return nlohmann::json::parse(file);
}

/// The values behind the header of a version 1 npy file, whose type and shape the test knows.
inline at::Tensor golden_array(const std::string& name, at::IntArrayRef shape,
                               at::ScalarType type = at::kFloat) {
  std::ifstream file(golden_path(name + ".npy"), std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() < 10) throw std::runtime_error("no golden file " + name);
  const size_t header = 10 + static_cast<uint8_t>(bytes[8]) +
                        256 * static_cast<size_t>(static_cast<uint8_t>(bytes[9]));
  at::Tensor tensor = at::empty(shape, at::TensorOptions().dtype(type));
  if (bytes.size() - header != tensor.nbytes()) throw std::runtime_error("shape of " + name);
  std::memcpy(tensor.data_ptr(), bytes.data() + header, tensor.nbytes());
  return tensor;
}

/// Standard normal float64 values that do not depend on libtorch's generator.
inline at::Tensor normal(uint64_t seed, int64_t rows, int64_t width) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> draw;
  at::Tensor tensor = at::empty({rows, width}, at::TensorOptions().dtype(at::kDouble));
  double* values = tensor.data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = draw(engine);
  return tensor;
}

}  // namespace cq::testing
