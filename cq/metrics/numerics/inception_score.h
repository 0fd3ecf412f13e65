#pragma once
#include <cstdint>
#include <optional>

#include "cq/metrics/numerics/kernel_distance.h"

namespace cq {

/// exp of the mean KL divergence between p(class | image) and its mean over a split (Salimans et
/// al. 2016), mean and deviation over splits. logits: [N, classes]; split i is rows floor(i N /
/// splits) to floor((i + 1) N / splits), after `RandomState(shuffle).permutation(N)` where a seed
/// is given.
Spread inception_score(const at::Tensor& logits, int64_t splits, std::optional<uint32_t> shuffle);

}  // namespace cq
