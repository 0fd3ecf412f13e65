#include <cmath>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/sqrt.h>
#include <c10/core/GradMode.h>

#include "cq/core/denoiser.h"
#include "cq/core/io/image.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/models/patch_stage.h"
#include "cq/core/samplers/ddim.h"
#include "cq/experiments/training/augment.h"
#include "cq/experiments/training/draws.h"
#include "cq/experiments/training/layout.h"
#include "cq/experiments/training/tasks.h"

namespace cq {

namespace {

constexpr int64_t kPatchFitImages = 10000;

class DenoiserTask : public TrainingTask {
 public:
  DenoiserTask(Model& model, const ImageData& train, const ImageData& test,
               const DenoiserTaskConfig& config, const at::Device& device)
      : model_(model),
        train_(on_device(train, device)),
        test_(on_device(test, device)),
        config_(config),
        device_(device),
        alpha_bars_(model.diffusion().alpha_bars().to(at::kFloat).to(device)) {}

  std::vector<at::Tensor> trainable() const override { return model_.trainable(); }

  at::Tensor loss(int64_t step) override {
    const auto picked = epoch_batch(train_.size(), config_.batch, step, config_.seed);
    auto generator = step_generator(device_, config_.seed, step);
    return loss_of(train_, indices_on(device_, picked), generator, true);
  }

  std::string evaluate(int64_t step, const std::filesystem::path& folder) override {
    constexpr int64_t held_out = 512;
    // The same images, timesteps and noise every time, so that figures compare between steps and
    // devices.
    auto generator = at::detail::createCPUGenerator(1234);
    const auto spread =
        at::arange(0, test_.size(), std::max<int64_t>(1, test_.size() / held_out), at::kLong);
    const double loss = loss_of(test_, spread.to(device_), generator, false).item<double>();
    const Ddim sampler({.steps = 50}, model_.diffusion());
    const FloatExecutor executor;
    const Denoiser denoiser(model_, executor, config_.guidance);
    ComputeAll compute;
    const auto labels = cycling_labels(0, 5 * model_.classes(), model_.classes()).to(device_);
    const auto images = decode_images(
        model_, sample_latents(model_, sampler, denoiser, labels, NoiseSource(0, 0), compute));
    write_png(folder / fmt::format("grid_{:06d}.png", step),
              make_grid(images, model_.classes(), 2));
    return fmt::format("held-out loss {:.5f}", loss);
  }

  void export_weights(const std::filesystem::path& file, int64_t step) override {
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    for (const auto& [name, value] : model_.named()) {
      // The first stage is tiny and exact; the networks lose nothing visible in bfloat16.
      const bool exact = name.starts_with("first_stage_model.");
      tensors.emplace_back(name, value.detach().to(exact ? at::kFloat : at::kBFloat16));
    }
    write_safetensors(file, tensors,
                      {{"model", model_.name()},
                       {"steps", std::to_string(step)},
                       {"images", std::to_string(step * config_.batch)}});
  }

 private:
  /// `generator` may be a CPU's where the device is none; then nothing is augmented.
  at::Tensor loss_of(const ImageData& data, const at::Tensor& picked, at::Generator& generator,
                     bool augment) {
    const int64_t n = picked.size(0);
    auto images = to_unit_range(data.images.index_select(0, picked));
    if (augment) images = flip_some(images, generator);
    at::Tensor x0;
    {
      c10::NoGradGuard no_grad;
      x0 = model_.first_stage().encode(images);
    }
    // Stratified timesteps lower the variance of the gradient at no cost.
    const auto place = draw_uniform({n}, generator);
    const auto u = (at::arange(n, place.options()) + place) / double(n);
    const auto t = (u * double(model_.diffusion().timesteps())).to(at::kLong).to(device_);
    const auto noise = draw_normal(x0.sizes(), generator).to(device_);
    auto labels = data.labels.index_select(0, picked);
    if (augment) {
      const auto dropped = draw_uniform({n}, generator) < config_.label_dropout;
      labels = labels.masked_fill(dropped, model_.null_class());
    }
    const auto a = alpha_bars_.index_select(0, t).view({n, 1, 1, 1});
    const auto x = in_training_layout(at::sqrt(a) * x0 + at::sqrt(1 - a) * noise);
    const bool v = model_.diffusion().prediction() == Prediction::v;
    const auto target = v ? at::sqrt(a) * noise - at::sqrt(1 - a) * x0 : noise;
    FloatExecutor executor;
    ComputeAll compute;
    const auto out =
        model_.network().forward(model_.input(x, t, labels), Step(executor, compute, 0));
    const auto error = (out.to(at::kFloat) - target).pow(2).mean({1, 2, 3});
    return (error * weight(a.view({n}), v)).mean();
  }

  /// Weight of the loss of the prediction that amounts to min(SNR, gamma) on x0.
  at::Tensor weight(const at::Tensor& a, bool v) const {
    if (config_.min_snr <= 0) return at::ones_like(a);
    const auto snr = a / (1 - a);
    const auto clipped = at::clamp(snr, c10::nullopt, config_.min_snr);
    return clipped / (v ? snr + 1 : snr);
  }

  Model& model_;
  ImageData train_, test_;
  DenoiserTaskConfig config_;
  at::Device device_;
  at::Tensor alpha_bars_;
};

bool first_stage_is_unfitted(const Model& model) {
  for (const auto& [name, value] : model.named()) {
    if (name == "first_stage_model.deviation") return at::equal(value, at::ones_like(value));
  }
  return false;
}

void fit_first_stage(Model& model, const ImageData& data) {
  c10::NoGradGuard no_grad;
  const int64_t n = std::min(kPatchFitImages, data.size());
  const auto spread = at::arange(0, n, at::kLong) * (data.size() / n);
  const auto images = to_unit_range(data.images.index_select(0, spread));
  const int64_t patch = images.size(3) / model.latent().size;
  const auto patches =
      to_patches(images, patch).permute({0, 2, 3, 1}).reshape({-1, 3 * patch * patch});
  const auto fit = fit_patch_basis(patches, model.latent().channels);
  for (auto& [name, value] : model.named()) {
    if (name == "first_stage_model.basis") value.copy_(fit.basis);
    if (name == "first_stage_model.mean") value.copy_(fit.mean);
    if (name == "first_stage_model.deviation") value.copy_(fit.deviation);
  }
}

}  // namespace

std::unique_ptr<TrainingTask> make_denoiser_task(Model& model, const ImageData& train,
                                                 const ImageData& test,
                                                 const DenoiserTaskConfig& config,
                                                 const at::Device& device) {
  if (first_stage_is_unfitted(model)) fit_first_stage(model, train);
  return std::make_unique<DenoiserTask>(model, train, test, config, device);
}

}  // namespace cq
