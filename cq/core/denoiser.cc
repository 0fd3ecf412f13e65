#include "cq/core/denoiser.h"

#include <ATen/ops/full_like.h>

#include "cq/base/error.h"

namespace cq {

at::Tensor Denoiser::eps(const at::Tensor& x, const at::Tensor& labels, int64_t t, int64_t index,
                         PointHandler& points) const {
  const Step step(executor_, points, index);
  const double alpha_bar = model_.diffusion().alpha_bar(t);
  const auto kind = model_.diffusion().prediction();
  const auto timesteps =
      at::full({x.size(0) * copies()}, t, at::TensorOptions().dtype(at::kLong).device(x.device()));
  if (copies() == 1) {
    const auto out = model_.network().forward(model_.input(x, timesteps, labels), step);
    return to_eps(kind, out, x, alpha_bar);
  }
  const auto none = at::full_like(labels, model_.null_class());
  const auto in = model_.input(at::cat({x, x}, 0), timesteps, at::cat({none, labels}, 0));
  const auto halves = model_.network().forward(in, step).chunk(2, 0);
  const auto uncond = to_eps(kind, halves[0], x, alpha_bar);
  const auto cond = to_eps(kind, halves[1], x, alpha_bar);
  return uncond + guidance_ * (cond - uncond);
}

void Denoiser::locate_fault(const at::Tensor& x, const at::Tensor& labels, int64_t t, int64_t step,
                            PointHandler& points) const {
  const FiniteCheck check(executor_);
  Denoiser(model_, check, guidance_).eps(x, labels, t, step, points);
}

at::Tensor sample_latents(const Model& model, const Sampler& sampler, const Denoiser& denoiser,
                          const at::Tensor& labels, const NoiseSource& noise,
                          PointHandler& points) {
  const auto& latent = model.latent();
  const auto x = noise.draw(labels.size(0), {latent.channels, latent.size, latent.size}, 0)
                     .to(labels.device());
  const auto run = sampler.start(x, noise);
  while (!run->done()) {
    const auto eps = denoiser.eps(run->x(), labels, run->timestep(), run->call(), points);
    if (const int64_t image = first_not_finite(eps); image >= 0) {
      denoiser.locate_fault(run->x(), labels, run->timestep(), run->call(), points);
      throw RunError(
          "the predicted noise is NaN or infinite at step {} (timestep {}), first in image {} of "
          "the batch",
          run->call(), run->timestep(), image);
    }
    run->advance(eps);
  }
  return run->x();
}

at::Tensor decode_images(const Model& model, const at::Tensor& latents, bool truncate) {
  const auto scaled = (model.first_stage().decode(latents).clamp(-1, 1) + 1) * 127.5;
  const auto bytes = truncate ? scaled : at::round(scaled);
  return bytes.to(at::kByte).permute({0, 2, 3, 1}).contiguous().cpu();
}

at::Tensor cycling_labels(int64_t first, int64_t n, int64_t classes) {
  return at::arange(first, first + n, at::kLong).remainder(classes);
}

}  // namespace cq
