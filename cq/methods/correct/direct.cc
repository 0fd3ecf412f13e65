#include "cq/methods/correct/direct.h"

#include "cq/base/error.h"
#include "cq/methods/correct/statistics.h"

namespace cq {

const config::Params<DirectParameters>& Direct::parameters() {
  static const auto params =
      config::Params<DirectParameters>()
          .field("steps", &DirectParameters::steps, "steps that are corrected")
          .choices({"all", "cached"});
  return params;
}

void Direct::check(bool quantized) const {
  if (quantized) return;
  throw UsageError(
      "[direct] corrects the outputs of quantized layers: set quant=, or correct=none");
}

Corrections Direct::estimate(const CorrectionInputs& in) const {
  check(in.quantized != nullptr);
  Corrections found;
  visit_steps(in, found, [&](const StepFeatures& f) {
    if (parameters_.steps == "cached" && f.recomputed) return;
    const auto truth = float_products(in, f.step, f.truth);
    const auto coupled = both_products(in, f.step, f.kept).quantized;
    for (const auto& [unit, product] : coupled) {
      AffineSums sums;
      sums.add(product, truth.at(unit));
      auto& output = found.outputs[unit];
      set_line(output.slope, output.offset, in.trajectory.steps(), f.step, sums.match_moments());
    }
  });
  return found;
}

}  // namespace cq
