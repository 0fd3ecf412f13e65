#pragma once
#include "cq/core/quant/calibration.h"

namespace cq {

/// What a corrector may look at: full-precision runs, the schedule, and the quantized network.
struct CorrectionInputs {
  const Model& model;
  double guidance;
  const Trajectory& trajectory;
  const Schedule& schedule;
  CachePoint point;
  const SimulatedExecutor* quantized;  ///< null where nothing is quantized
};

/// Estimates corrections from calibration runs. The result is data: execution folds it in and
/// knows no method.
class Corrector {
 public:
  virtual ~Corrector() = default;
  /// False: nothing is corrected and `estimate` is never called.
  virtual bool corrects() const { return true; }
  virtual Corrections estimate(const CorrectionInputs& in) const = 0;
};

using CorrectorRegistry = config::Registry<Corrector>;

}  // namespace cq
