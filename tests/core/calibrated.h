#pragma once
// Ranges of weights and activations, as an executor takes them.
#include "cq/core/quant/calibration.h"

namespace cq::test {

inline Calibration calibrate(const Model& model, double guidance, const Trajectory& trajectory,
                             const QuantParameters& quant, const Schedule& schedule,
                             const CachePoint& point, const PassControl& pass = {}) {
  auto ranges = calibrate_activations(model, guidance, trajectory, quant, schedule, point, pass);
  ranges.merge(calibrate_weights(model.network(), quant));
  return ranges;
}

}  // namespace cq::test
