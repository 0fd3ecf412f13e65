#include "cq/core/denoiser.h"

#include <algorithm>

#include <ATen/ops/full_like.h>

#include "cq/base/error.h"
#include "cq/core/huge_memory.h"
#include "cq/core/step_arena.h"

namespace cq {

NoisePrediction Denoiser::predict(const at::Tensor& x, const at::Tensor& labels, int64_t t,
                                  int64_t index, PointHandler& points) const {
  const Step step(executor_, points, index);
  const double alpha_bar = model_.diffusion().alpha_bar(t);
  const auto kind = model_.diffusion().prediction();
  const int64_t channels = x.size(1);
  const auto timesteps =
      at::full({x.size(0) * copies()}, t, at::TensorOptions().dtype(at::kLong).device(x.device()));
  const auto noise_of = [&](const at::Tensor& out) {
    return to_eps(kind, out.narrow(1, 0, channels), x, alpha_bar);
  };
  const auto variance_of = [&](const at::Tensor& out) {
    return out.size(1) == 2 * channels ? out.narrow(1, channels, channels) : at::Tensor();
  };
  if (copies() == 1) {
    const auto out = model_.network().forward(model_.input(x, timesteps, labels), step);
    return {noise_of(out), variance_of(out)};
  }
  const auto& rule = model_.guidance();
  const auto none = at::full_like(labels, model_.null_class());
  const auto both = rule.cond_first() ? at::cat({labels, none}, 0) : at::cat({none, labels}, 0);
  const auto halves =
      model_.network().forward(model_.input(at::cat({x, x}, 0), timesteps, both), step).chunk(2, 0);
  const auto &with = halves[rule.cond_first() ? 0 : 1],
             &without = halves[rule.cond_first() ? 1 : 0];
  const auto cond = noise_of(with), uncond = noise_of(without);
  auto eps = uncond + guidance_ * (cond - uncond);
  if (rule.channels && *rule.channels < channels) {
    const int64_t guided = *rule.channels;
    eps = at::cat({eps.narrow(1, 0, guided), cond.narrow(1, guided, channels - guided)}, 1);
  }
  return {eps, variance_of(with)};
}

uint64_t Denoiser::kind(const at::Tensor& x, const PointHandler& points, int64_t step) const {
  return step_kind(uintptr_t(&model_.network()), uintptr_t(&executor_), copies(), x.size(0),
                   x.size(2), x.size(3), points.kind(step));
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
    const StepArena::Scope memory(denoiser.kind(run->x(), points, run->call()));
    const auto out = denoiser.predict(run->x(), labels, run->timestep(), run->call(), points);
    if (const int64_t image = first_not_finite(out.eps); image >= 0) {
      denoiser.locate_fault(run->x(), labels, run->timestep(), run->call(), points);
      throw RunError(
          "the predicted noise is NaN or infinite at step {} (timestep {}), first in image {} of "
          "the batch",
          run->call(), run->timestep(), image);
    }
    run->advance(out);
  }
  return run->x();
}

at::Tensor decode_images(const Model& model, const at::Tensor& latents) {
  // A first stage takes a gigabyte for an image of 512 x 512, and nothing of the steps.
  StepArena::release();
  return_freed_memory();
  const DirectLargeTensors direct;
  constexpr int64_t kPositions = 64 * 64;
  const int64_t n = latents.size(0);
  const int64_t most = std::max<int64_t>(1, kPositions / (latents.size(2) * latents.size(3)));
  std::vector<at::Tensor> images;
  for (int64_t i = 0; i < n; i += most) {
    const auto part = latents.narrow(0, i, std::min(most, n - i));
    const auto scaled = (model.first_stage().decode(part).clamp(-1, 1) + 1) * 127.5;
    const auto bytes = model.truncates() ? scaled : at::round(scaled);
    images.push_back(bytes.to(at::kByte).permute({0, 2, 3, 1}).contiguous().cpu());
  }
  return at::cat(images, 0);
}

at::Tensor cycling_labels(int64_t first, int64_t n, int64_t classes) {
  return at::arange(first, first + n, at::kLong).remainder(classes);
}

}  // namespace cq
