#pragma once
#include "cq/core/sampler.h"

namespace cq {

/// What the runs of all samplers share: the calls are counted, and noise is drawn by call.
class CountedRun : public SamplerRun {
 public:
  CountedRun(const Sampler& sampler, at::Tensor x, const NoiseSource& noise)
      : sampler_(sampler), x_(std::move(x)), noise_(noise) {}

  bool done() const override { return call_ == sampler_.calls(); }
  int64_t call() const override { return call_; }
  int64_t timestep() const override { return sampler_.timesteps()[size_t(call_)]; }
  const at::Tensor& x() const override { return x_; }

  void advance(const NoisePrediction& prediction) override {
    x_ = next(prediction);
    ++call_;
  }

 protected:
  /// The x after call `call()`.
  virtual at::Tensor next(const NoisePrediction& prediction) = 0;

  /// Standard normal noise of this call, like x.
  at::Tensor noise() const {
    return noise_.draw(x_.size(0), x_.sizes().slice(1), uint64_t(call_) + 1).to(x_.options());
  }

 private:
  const Sampler& sampler_;
  at::Tensor x_;
  NoiseSource noise_;
  int64_t call_ = 0;
};

}  // namespace cq
