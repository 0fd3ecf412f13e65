#pragma once
#include <memory>
#include <vector>

#include "cq/config/registry.h"
#include "cq/core/diffusion.h"
#include "cq/core/noise.h"

namespace cq {

/// One batch on its way from noise to sample. The caller computes the network: that keeps
/// samplers free of it, and lets several batches go in lockstep.
///
///   for (auto run = sampler.start(x, noise); !run->done();) run->advance(eps(run->x(), ...));
class SamplerRun {
 public:
  virtual ~SamplerRun() = default;
  virtual bool done() const = 0;
  /// Index of the next network call, 0 = noisiest. Cache schedules count calls.
  virtual int64_t call() const = 0;
  /// Training timestep of the next network call.
  virtual int64_t timestep() const = 0;
  /// [B, C, h, w] what the network is called with, and at the end the sample.
  virtual const at::Tensor& x() const = 0;
  /// Goes on with the noise that the network predicted, [B, C, h, w].
  virtual void advance(const at::Tensor& eps) = 0;
};

/// A sampler's update rule and its timesteps. Immutable.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// Training timesteps of the network calls in order, noisiest first.
  virtual const std::vector<int64_t>& timesteps() const = 0;
  virtual std::unique_ptr<SamplerRun> start(at::Tensor x, const NoiseSource& noise) const = 0;
  int64_t calls() const { return int64_t(timesteps().size()); }
};

/// Samplers that `sampler.name` can name.
const config::Registry<Sampler, const Diffusion&>& sampler_registry();

/// 1, 1 + 1000/S, ... reversed: the spacing of the LDM code, which cannot give other numbers of
/// steps than divisors of `training`. Throws UsageError for those.
std::vector<int64_t> ldm_timesteps(int64_t training, int64_t steps);

}  // namespace cq
