#pragma once
#include "cq/core/tensor.h"

namespace cq {

/// Mean squared difference of each pair, over pixels and channels. Both uint8 [n, h, w, 3]; returns
/// float64 [n].
at::Tensor squared_error(const at::Tensor& a, const at::Tensor& b);

/// Structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004) of each pair: Gaussian window
/// 11x11 with sigma 1.5, K1 0.01, K2 0.03, data range 255, biased (weighted) variances, averaged
/// over the positions where the whole window lies inside the image, then over the channels. Both
/// uint8 [n, h, w, 3] with h and w at least 11 (else UsageError); returns float64 [n].
at::Tensor structural_similarity(const at::Tensor& a, const at::Tensor& b);

}  // namespace cq
