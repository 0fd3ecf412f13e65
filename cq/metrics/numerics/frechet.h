#pragma once
#include "cq/metrics/numerics/moments.h"

namespace cq {

/// A Gaussian by a root of its covariance: root^T root = covariance, root [r, D], any r.
struct GaussianRoot {
  at::Tensor mean;
  at::Tensor root;
  double trace = 0;
};

/// Throws where stored statistics are none: UsageError for asymmetric covariances, negative
/// variances and shapes that do not fit, RunError for NaN and infinity. `origin` names them.
void check_statistics(const FeatureStatistics& statistics, const std::string& origin);

/// From features [N, D] (any float type, N >= 2). N <= D: the centred set itself is the root.
/// Otherwise the Cholesky factor of the Gram matrix, or, where that matrix is too close to singular
/// to keep the digits, the triangular factor of a blocked QR.
GaussianRoot gaussian_root(const at::Tensor& features);

/// From stored statistics, by symmetric eigenvalues. Throws as check_statistics does, and a
/// UsageError for indefinite covariances.
GaussianRoot gaussian_root(const FeatureStatistics& statistics, const std::string& origin);

/// |mu1 - mu2|^2 + tr S1 + tr S2 - 2 tr sqrt(S1 S2) (Dowson and Landau 1982; Heusel et al. 2017).
/// tr sqrt(S1 S2) is the sum of the singular values of root1 root2^T: no matrix square root, which
/// could turn complex, is ever taken. Differing widths are a UsageError.
double frechet_distance(const GaussianRoot& a, const GaussianRoot& b);

}  // namespace cq
