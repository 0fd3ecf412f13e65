#include "cq/methods/correct/dec.h"

#include "cq/methods/correct/statistics.h"

namespace cq {

const config::Params<DecParameters>& Dec::parameters() {
  using P = DecParameters;
  static const auto params =
      config::Params<P>()
          .field("steps", &P::steps,
                 "steps whose outputs get a2, b2: all (as the released code), or cached ones only")
          .choices({"all", "cached"})
          .field("reference_slope", &P::reference_slope,
                 "the released code's slope, biased covariance over unbiased variance")
          .field("cache_error", &P::cache_error, "a1, b1 on the cached feature")
          .field("quantization_error", &P::quantization_error, "a2, b2 on the outputs it feeds");
  return params;
}

Corrections Dec::estimate(const CorrectionInputs& in) const {
  Corrections found;
  const int64_t steps = in.trajectory.steps();
  auto& before = found.errors["cache"];
  auto& after = found.errors["cache_corrected"];
  auto& q_before = found.errors["quantization"];
  auto& q_after = found.errors["quantization_corrected"];
  visit_steps(in, found, [&](const StepFeatures& f) {
    // Cache error: X_g ~ a1 X_c + b1 (equation 9); nothing to correct where the step recomputes.
    auto feature = f.kept;
    before.push_back(0);
    after.push_back(0);
    if (!f.recomputed) {
      AffineSums sums;
      sums.add(f.kept, f.truth);
      const auto line = sums.least_squares(parameters_.reference_slope);
      before.back() = sums.relative_error();
      after.back() = before.back();
      if (parameters_.cache_error) {
        set_line(found.feature.slope, found.feature.offset, steps, f.step, line);
        after.back() = sums.relative_error(line);
        feature = apply_affine(f.kept, found.feature.slope[f.step], found.feature.offset[f.step]);
      }
    }
    // Quantization error: O_c ~ a2 O_cq + b2, both fed with the corrected feature.
    q_before.push_back(0);
    q_after.push_back(0);
    if (!in.quantized) return;
    const auto products = both_products(in, f.step, feature);
    for (const auto& [unit, full] : products.full) {
      AffineSums sums;
      sums.add(products.quantized.at(unit), full);
      const auto line = sums.least_squares(parameters_.reference_slope);
      const bool wanted =
          parameters_.quantization_error && (parameters_.steps == "all" || !f.recomputed);
      const double share = 1 / double(products.full.size());
      q_before.back() += share * sums.relative_error();
      q_after.back() += share * (wanted ? sums.relative_error(line) : sums.relative_error());
      auto& output = found.outputs[unit];
      if (wanted) set_line(output.slope, output.offset, steps, f.step, line);
    }
  });
  std::erase_if(found.outputs, [](const auto& entry) { return !entry.second.slope.defined(); });
  return found;
}

}  // namespace cq
