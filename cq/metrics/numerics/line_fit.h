#pragma once
#include <vector>

namespace cq {

/// Least-squares line y = intercept + slope x, with the intercept's standard error from the
/// residuals (0 where two points leave none).
struct LineFit {
  double intercept = 0;
  double slope = 0;
  double intercept_error = 0;
};
/// At least two points with different x.
LineFit fit_line(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace cq
