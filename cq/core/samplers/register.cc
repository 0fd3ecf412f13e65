#include "cq/core/samplers/ancestral.h"
#include "cq/core/samplers/ddim.h"

namespace cq {

const config::Registry<Sampler, const Diffusion&>& sampler_registry() {
  static const auto registry = [] {
    config::Registry<Sampler, const Diffusion&> r("sampler");
    r.add<Ddim>();
    r.add<Ancestral>();
    return r;
  }();
  return registry;
}

std::vector<int64_t> ldm_timesteps(int64_t training, int64_t steps) {
  if (training % steps != 0) {
    throw UsageError(
        "[sampler] steps={} does not divide the {} timesteps of training, so the "
        "reference would make {} steps; choose a divisor",
        steps, training, (training + training / steps - 1) / (training / steps));
  }
  std::vector<int64_t> timesteps;
  for (int64_t t = 0; t < training; t += training / steps) timesteps.push_back(t + 1);
  return {timesteps.rbegin(), timesteps.rend()};
}

}  // namespace cq
