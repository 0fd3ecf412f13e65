#include "cq/core/samplers/spacing.h"

#include <algorithm>
#include <cmath>

#include "cq/base/error.h"

namespace cq {

namespace {

int64_t even_stride(int64_t training, int64_t steps) {
  if (training % steps != 0) {
    throw UsageError(
        "[sampler] steps={} does not divide the {} timesteps of training, so the "
        "reference would make {} steps; choose a divisor",
        steps, training, (training + training / steps - 1) / (training / steps));
  }
  return training / steps;
}

}  // namespace

std::vector<int64_t> spaced_timesteps(const std::string& spacing, int64_t training, int64_t steps) {
  if (steps < 1 || steps > training) {
    throw UsageError("[sampler] steps={}: expected 1 to {}, the timesteps of training", steps,
                     training);
  }
  std::vector<int64_t> timesteps;
  const auto fill = [&](const auto& at) {
    for (int64_t i = 0; i < steps; ++i) timesteps.push_back(int64_t(at(i)));
  };
  const auto top = double(training - 1), intervals = double(std::max<int64_t>(steps - 1, 1));
  if (spacing == "ldm" || spacing == "even") {
    const int64_t stride = even_stride(training, steps), shift = spacing == "ldm" ? 1 : 0;
    if (stride == shift) {
      throw UsageError(
          "[sampler] steps={} with ldm spacing ends at timestep {}, which training does not have; "
          "choose fewer steps or spacing=even",
          steps, training);
    }
    fill([&](int64_t i) { return i * stride + shift; });
  } else if (spacing == "quad") {
    const double root = std::sqrt(0.8 * double(training));
    fill([&](int64_t i) {
      const double at = i + 1 == steps && i > 0 ? root : double(i) * (root / intervals);
      return at * at;
    });
  } else if (spacing == "trailing") {
    const double stride = double(training) / double(steps);
    fill([&](int64_t i) {
      return std::nearbyint(double(training) - double(steps - 1 - i) * stride) - 1;
    });
  } else if (spacing == "leading") {
    fill([&](int64_t i) { return std::min(1 + (i + 1) * (training / (steps + 1)), training - 1); });
  } else if (spacing == "linspace") {
    fill([&](int64_t i) { return std::nearbyint(double(i + 1) * (top / double(steps))); });
  } else if (spacing == "respaced") {
    double at = -top / intervals;  // added up as there, where that decides how a half is rounded
    fill([&](int64_t) { return std::nearbyint(at += top / intervals); });
  } else {
    throw UsageError(
        "[sampler] unknown spacing '{}': ldm, even, quad, trailing, leading, linspace or "
        "respaced",
        spacing);
  }
  return {timesteps.rbegin(), timesteps.rend()};
}

StepGrid make_step_grid(const Diffusion& diffusion, const std::string& spacing, int64_t steps,
                        const std::string& final) {
  StepGrid grid{spaced_timesteps(spacing, diffusion.timesteps(), steps), {}, {}};
  for (size_t i = 0; i < grid.timesteps.size(); ++i) {
    const bool last = i + 1 == grid.timesteps.size();
    const int64_t end = final == "first" ? 0 : -1;
    grid.alpha.push_back(diffusion.alpha_bar(grid.timesteps[i]));
    grid.alpha_next.push_back(diffusion.alpha_bar(last ? end : grid.timesteps[i + 1]));
  }
  return grid;
}

}  // namespace cq
