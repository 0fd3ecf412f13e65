#pragma once
#include <cstdint>
#include <vector>

#include "cq/core/tensor.h"

namespace cq {

/// A mean over repetitions and their deviation (divisor: their number).
struct Spread {
  double mean = 0;
  double std = 0;
};
Spread spread_of(const std::vector<double>& values);

/// An unbiased estimate and its standard error.
struct KernelDistance {
  double value = 0;
  double error = 0;
};

/// Unbiased squared maximum mean discrepancy under the cubic kernel (x.y/D + 1)^3 (Binkowski et al.
/// 2018, KID) of x [m, D] and y [n, D], any float type, m and n at least 2 and free to differ. The
/// error is the first-order one of a U-statistic (Hoeffding 1948): 4 var_x(h) / m + 4 var_y(h) / n
/// with h the mean kernel of a row with its own set less that with the other.
KernelDistance kernel_distance(const at::Tensor& x, const at::Tensor& y);

/// `scale` times the biased squared maximum mean discrepancy under exp(-|x-y|^2 / (2 sigma^2))
/// (Jayasumana et al. 2024, CMMD), with the first-order error as above.
KernelDistance gaussian_kernel_distance(const at::Tensor& x, const at::Tensor& y, double sigma,
                                        double scale);

/// The cubic kernel's over `subsets` random pairs of subsets of `size` rows, drawn without
/// replacement in the order x, y, x, y, ... as torch-fidelity does with `RandomState(seed)`.
Spread kernel_distance_subsets(const at::Tensor& x, const at::Tensor& y, int64_t subsets,
                               int64_t size, uint32_t seed);

}  // namespace cq
