#pragma once
#include <memory>
#include <vector>

#include "cq/config/registry.h"
#include "cq/core/diffusion.h"
#include "cq/core/noise.h"

namespace cq {

/// What a network call says to a sampler.
struct NoisePrediction {
  at::Tensor eps;            ///< [B, C, h, w] the noise
  at::Tensor variance = {};  ///< [B, C, h, w] -1..1 between its bounds; undefined: not predicted
};

/// One batch on its way from noise to sample. The caller computes the network: that keeps
/// samplers free of it, and lets several batches go in lockstep.
///
///   for (auto run = sampler.start(x, noise); !run->done();) run->advance({eps(run->x(), ...)});
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
  /// Goes on with what the network predicted.
  virtual void advance(const NoisePrediction& prediction) = 0;
};

/// A sampler's update rule and its timesteps. Immutable.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// Training timesteps of the network calls in order, noisiest first.
  virtual const std::vector<int64_t>& timesteps() const = 0;
  virtual std::unique_ptr<SamplerRun> start(at::Tensor x, const NoiseSource& noise) const = 0;
  int64_t calls() const { return int64_t(timesteps().size()); }
  /// Denoising step that a network call belongs to: scales of activations count steps.
  virtual int64_t step_of(int64_t call) const { return call; }
  /// Whether it takes networks that predict a variance, and only those.
  virtual bool needs_variance() const { return false; }
};

/// Samplers that `sampler.name` can name.
const config::Registry<Sampler, const Diffusion&>& sampler_registry();

}  // namespace cq
