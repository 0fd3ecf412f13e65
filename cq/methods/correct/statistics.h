#pragma once
// What the correctors share: walking the calibration runs in lockstep, step by step, and watching
// the units that the cached feature feeds.
#include <map>

#include "cq/core/corrector.h"

namespace cq {

/// Products of the watched units' first side, by unit id.
using Products = std::map<int64_t, at::Tensor>;

/// One visit of one step: the features of the calibration runs.
struct StepFeatures {
  int64_t step = 0;
  bool recomputed = true;
  at::Tensor truth;  ///< X_g, computed at this step in full precision
  at::Tensor kept;   ///< X_c as the cache holds it: what the group's first step computed
};

/// Calls `visit` for every step in order, with the full-precision feature of that step and the one
/// that the cache would hand out. `found` is all that `visit` adds to: it is left with `in.pass`
/// after each step, and what an earlier call left is put into it.
void visit_steps(const CorrectionInputs& in, Corrections& found,
                 const std::function<void(const StepFeatures&)>& visit);

/// Full-precision products of the units that consume the point, when it is pinned to `feature`.
Products float_products(const CorrectionInputs& in, int64_t step, const at::Tensor& feature);

/// The same in full precision and quantized from one visit, both fed with the same feature.
struct BothProducts {
  Products full, quantized;
};
BothProducts both_products(const CorrectionInputs& in, int64_t step, const at::Tensor& feature);

/// Adds a line at one step to a [T, C] table of slopes and offsets, identity elsewhere.
void set_line(at::Tensor& slope, at::Tensor& offset, int64_t steps, int64_t step,
              const AffineSums::Line& line);

}  // namespace cq
