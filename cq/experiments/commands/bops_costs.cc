#include "cq/experiments/commands/bops_costs.h"

#include "cq/base/error.h"
#include "cq/experiments/setup/load_model.h"
#include "cq/methods/register.h"

namespace cq {

namespace {

/// Steps that compute everything. A policy that needs the features of a run to choose them still
/// recomputes one step in each of its ceil(T / N) groups.
int64_t recomputed_steps(const CachePolicy& policy, const config::Node& cache, int64_t steps) {
  if (policy.window() == 0) return int64_t(policy.schedule(steps, nullptr).recompute.size());
  const int64_t interval = cache.at("interval").as_int();
  return (steps + interval - 1) / interval;
}

}  // namespace

BopsCosts count_costs(const config::Node& config, Counter counter) {
  const auto model = load_model(config, InitMode::shapes);
  const auto& cache = config.at("cache");
  const auto policy = cache_registry().make(cache.at("name").as_string(), cache);
  const auto quant = quant_parameters().parse(config.at("quant"));
  BopsCosts costs;
  // The number of steps alone: counting needs no divisor of the training's timesteps.
  costs.steps = config.at("sampler").at("steps").as_int();
  if (costs.steps < 1) {
    throw UsageError("{}at least 1 step, got {}", config.at("sampler").at("steps").where(),
                     costs.steps);
  }
  costs.recomputed = recomputed_steps(*policy, cache, costs.steps);
  if (policy->caches()) {
    const auto point = point_of(*policy, model->network(), costs.steps);
    costs.count = count_network(*model, &point, counter);
  } else {
    costs.count = count_network(*model, nullptr, counter);
  }
  const double full = double(costs.count.full.macs()), cached = double(costs.count.cached.macs());
  const double k = double(costs.recomputed), t = double(costs.steps);
  costs.average = (k * full + (t - k) * cached) / t;
  const double weight = quant.enabled() ? double(quant.weight_bits) : 32;
  const double act = quant.enabled() ? double(quant.act_bits) : 32;
  costs.bops = costs.average * weight * act;
  costs.parameters = model->parameter_count();
  costs.compression = weight_compression(model->network(), quant);
  return costs;
}

}  // namespace cq
