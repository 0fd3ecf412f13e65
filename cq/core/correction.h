#pragma once
#include <map>
#include <string>

#include "cq/core/cache.h"
#include "cq/core/long_pass.h"

namespace cq {

/// Running sums of pairs (x, y) per channel, in float64: all that a least-squares line needs, so
/// no feature is stored.
class AffineSums {
 public:
  /// x, y of equal shape, channels along dimension 1 (images) or last (tokens).
  void add(const at::Tensor& x, const at::Tensor& y);
  struct Line {
    at::Tensor slope, offset;  ///< [C] float64
  };
  /// Least squares y ~ slope x + offset. A channel whose x does not vary keeps slope 1.
  /// `reference_code`: the biased covariance over the unbiased variance, as the released code has.
  Line least_squares(bool reference_code = false) const;
  /// Matches mean and standard deviation of x to those of y (pairs need not correspond).
  Line match_moments() const;
  /// Mean squared y - (slope x + offset) over mean squared y, all channels together.
  double relative_error(const Line& line) const;
  double relative_error() const;
  bool empty() const { return n_ == 0; }

 private:
  double n_ = 0;
  at::Tensor x_, y_, xx_, xy_, yy_;  // [C] float64
};

/// What a corrector found, folded into execution: a1, b1 into the reading of the cached feature, a2
/// into the dequantization scale and b2 into the bias of the units fed by it.
struct Corrections {
  FeatureCorrection feature;
  struct Output {
    at::Tensor slope, offset;  ///< [T, O] float32
  };
  std::map<int64_t, Output> outputs;  ///< by unit id
  /// Relative squared errors of each step, for the report.
  std::map<std::string, std::vector<double>> errors;
};

/// Slopes and offsets by name ("feature.slope", "output.<unit>.offset"), without the errors.
NamedTensors tensors_of(const Corrections& corrections);
/// The way back. Throws RunError, beginning with `where`, for any other name.
Corrections corrections_of(const NamedTensors& tensors, const std::string& where);

/// The same with all tensors on `device`.
Corrections on_device(Corrections corrections, const at::Device& device);

}  // namespace cq
