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
  PassControl pass;                    ///< can be taken up after every step
};

/// Estimates corrections from calibration runs. The result is data: execution folds it in and
/// knows no method.
class Corrector {
 public:
  virtual ~Corrector() = default;
  /// False: nothing is corrected and `estimate` is never called.
  virtual bool corrects() const { return true; }
  /// Throws UsageError, beginning with `[name]`, where it cannot correct such a network.
  virtual void check(bool quantized) const { (void)quantized; }
  virtual Corrections estimate(const CorrectionInputs& in) const = 0;
};

using CorrectorRegistry = config::Registry<Corrector>;

}  // namespace cq
