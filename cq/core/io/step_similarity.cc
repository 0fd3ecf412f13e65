#include "cq/core/io/step_similarity.h"

#include <vector>

#include <ATen/ops/zeros.h>

namespace cq {

at::Tensor step_similarity(const TrajectoryFile& file, const std::string& layer) {
  const std::vector<int64_t> shape = file.shape(layer);
  const int64_t steps = shape[0], samples = shape[1];
  at::Tensor products = at::zeros({steps, steps}, at::kDouble);
  for (int64_t sample = 0; sample < samples; ++sample) {
    std::vector<at::Tensor> rows;
    for (int64_t step = 0; step < steps; ++step) {
      rows.push_back(file.read(layer, step, sample, sample + 1).flatten().to(at::kFloat));
    }
    const at::Tensor features = at::stack(rows);  // [step, values]
    products += at::mm(features, features.t()).to(at::kDouble);
  }
  const at::Tensor norms = products.diagonal().sqrt();
  return products / (norms.unsqueeze(0) * norms.unsqueeze(1));
}

}  // namespace cq
