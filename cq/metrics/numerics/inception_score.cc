#include "cq/metrics/numerics/inception_score.h"

#include <cmath>

#include <ATen/ops/log_softmax.h>

#include "cq/base/error.h"
#include "cq/metrics/numerics/moments.h"
#include "cq/metrics/numerics/numpy_random.h"

namespace cq {

Spread inception_score(const at::Tensor& logits, int64_t splits, std::optional<uint32_t> shuffle) {
  if (logits.dim() != 2) {
    throw UsageError("[is] logits must be [samples, classes], got {} dimensions", logits.dim());
  }
  const int64_t rows = logits.size(0);
  if (splits < 1 || rows < splits) {
    throw UsageError("[is] {} samples cannot be cut into {} splits", rows, splits);
  }
  at::Tensor log_p = at::log_softmax(logits.to(at::kDouble), 1);
  if (shuffle) {
    std::vector<int64_t> order = NumpyRandom(*shuffle).permutation(rows);
    log_p = log_p.index_select(
        0, at::from_blob(order.data(), {rows}, at::TensorOptions().dtype(at::kLong)));
  }
  std::vector<double> scores;
  for (int64_t i = 0; i < splits; ++i) {
    const at::Tensor part = log_p.slice(0, i * rows / splits, (i + 1) * rows / splits);
    const at::Tensor p = part.exp();
    // xlogy's convention: a class that no image of the split can be counts nothing.
    const at::Tensor log_mean = p.mean(0).clamp(1e-300).log();
    const at::Tensor divergence = (p * (part - log_mean)).nan_to_num(0).sum(1);
    scores.push_back(std::exp(divergence.mean().item<double>()));
  }
  Spread result = spread_of(scores);
  result.mean = settle(result.mean, result.mean);
  result.std = settle(result.std, result.mean);
  return result;
}

}  // namespace cq
