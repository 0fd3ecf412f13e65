#pragma once
#include "cq/core/models/model.h"
#include "cq/core/sampler.h"

namespace cq {

/// A model as samplers use it: classifier-free guidance as the model's code has it, and whatever it
/// predicts turned to noise. Guided calls run both halves as one batch.
class Denoiser {
 public:
  Denoiser(const Model& model, const Executor& executor, double guidance)
      : model_(model), executor_(executor), guidance_(guidance) {}
  /// Prediction at x [B, C, h, w] for labels [B], at timestep t, step index `step`.
  NoisePrediction predict(const at::Tensor& x, const at::Tensor& labels, int64_t t, int64_t step,
                          PointHandler& points) const;
  at::Tensor eps(const at::Tensor& x, const at::Tensor& labels, int64_t t, int64_t step,
                 PointHandler& points) const {
    return predict(x, labels, t, step, points).eps;
  }
  /// Computes a step again whose result was not finite; throws RunError naming the layer at fault.
  void locate_fault(const at::Tensor& x, const at::Tensor& labels, int64_t t, int64_t step,
                    PointHandler& points) const;
  /// For StepArena: equal where a step computes the same things for a batch of the same shape.
  uint64_t kind(const at::Tensor& x, const PointHandler& points, int64_t step) const;
  /// Images of a network call for each image of the batch: 2 with guidance.
  int64_t copies() const { return guidance_ == 1.0 ? 1 : 2; }

 private:
  const Model& model_;
  const Executor& executor_;
  double guidance_;
};

/// Samples one batch: initial noise of each image, then all steps. labels [B] -> latents
/// [B, C, h, w]. Throws RunError for the first step whose prediction is not finite, naming image.
at::Tensor sample_latents(const Model& model, const Sampler& sampler, const Denoiser& denoiser,
                          const at::Tensor& labels, const NoiseSource& noise, PointHandler& points);

/// Latents to images [B, H, W, 3] uint8, rounded or truncated as the model's code does.
at::Tensor decode_images(const Model& model, const at::Tensor& latents);

/// Labels 0, 1, ..., classes - 1, 0, ... of images first .. first + n - 1.
at::Tensor cycling_labels(int64_t first, int64_t n, int64_t classes);

}  // namespace cq
