#include <cmath>

#include <c10/core/GradMode.h>

#include "cq/base/error.h"
#include "cq/core/io/image.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/models/kl_stage.h"
#include "cq/experiments/training/augment.h"
#include "cq/experiments/training/draws.h"
#include "cq/experiments/training/tasks.h"

namespace cq {

namespace {

at::Tensor to_bytes(const at::Tensor& images) {
  const auto scaled = at::round((images.clamp(-1, 1) + 1) * 127.5);
  return scaled.to(at::kByte).permute({0, 2, 3, 1}).contiguous().cpu();
}

class KlTask : public TrainingTask {
 public:
  KlTask(KlStage& stage, std::string name, const ImageData& train, const ImageData& test,
         const KlTaskConfig& config, const at::Device& device)
      : stage_(stage),
        name_(std::move(name)),
        train_(on_device(train, device)),
        test_(on_device(test, device)),
        config_(config),
        device_(device) {}

  std::vector<at::Tensor> trainable() const override { return stage_.weights().leaves(); }

  at::Tensor loss(int64_t step) override {
    const auto picked =
        indices_on(device_, epoch_batch(train_.size(), config_.batch, step, config_.seed));
    auto generator = step_generator(device_, config_.seed, step);
    const auto images = flip_some(to_unit_range(train_.images.index_select(0, picked)), generator);

    const auto posterior = stage_.posterior(images, executor_);
    const auto mean = posterior.mean.to(at::kFloat);
    const auto log_variance = posterior.log_variance.to(at::kFloat);
    const auto noise = draw_normal(mean.sizes(), generator);
    const auto z = mean + at::exp(log_variance * 0.5) * noise;
    const auto error = stage_.to_images(z, executor_).to(at::kFloat) - images;
    const auto distance = config_.distance == "l1" ? at::abs(error).mean() : error.pow(2).mean();
    const auto divergence = 0.5 * (mean.pow(2) + at::exp(log_variance) - 1 - log_variance).sum() /
                            double(images.numel());
    return distance + config_.kl_weight * divergence;
  }

  std::string evaluate(int64_t step, const std::filesystem::path& folder) override {
    const auto images = held_out();
    const auto decoded = stage_.decode(stage_.encode(images)).cpu().clamp(-1, 1);
    const double error = (decoded - images.cpu()).pow(2).mean().item<double>();
    constexpr int64_t kShown = 40, kColumns = 8;
    const int64_t shown = std::min(kShown, images.size(0));
    // Rows of originals, each above its row of reconstructions.
    std::vector<at::Tensor> rows;
    for (int64_t first = 0; first + kColumns <= shown; first += kColumns) {
      rows.push_back(to_bytes(images.narrow(0, first, kColumns)));
      rows.push_back(to_bytes(decoded.narrow(0, first, kColumns)));
    }
    if (!rows.empty()) {
      write_png(folder / fmt::format("grid_{:06d}.png", step),
                make_grid(at::cat(rows, 0), kColumns, 2));
    }
    // The peak of -1..1 is 2.
    return fmt::format("held-out reconstruction {:.2f} dB, latents deviate by {:.3f}",
                       10 * std::log10(4 / error), deviation());
  }

  void export_weights(const std::filesystem::path& file, int64_t step) override {
    c10::NoGradGuard no_grad;
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    for (const auto& [name, value] : stage_.weights().named()) {
      tensors.emplace_back("first_stage_model." + name, value.detach());
    }
    tensors.emplace_back("scale_factor", at::full({}, 1 / deviation(), at::kFloat));
    write_safetensors(file, tensors,
                      {{"model", name_},
                       {"steps", std::to_string(step)},
                       {"images", std::to_string(step * config_.batch)}});
  }

 private:
  at::Tensor held_out() const {
    constexpr int64_t kImages = 512;
    const int64_t n = std::min(kImages, test_.size());
    const auto spread = at::arange(0, n, at::kLong) * (test_.size() / n);
    return to_unit_range(test_.images.index_select(0, spread.to(device_)));
  }

  /// Of the latents of held-out images: a denoiser works on latents over it.
  double deviation() const { return stage_.encode(held_out()).std().item<double>(); }

  KlStage& stage_;
  std::string name_;
  ImageData train_, test_;
  KlTaskConfig config_;
  at::Device device_;
  FloatExecutor executor_;
};

}  // namespace

std::unique_ptr<TrainingTask> make_kl_task(Model& model, const ImageData& train,
                                           const ImageData& test, const KlTaskConfig& config,
                                           const at::Device& device) {
  auto* stage = dynamic_cast<KlStage*>(&model.first_stage());
  if (stage == nullptr) {
    throw UsageError("[autoencoder] {} has no first stage of kind kl, which this task trains",
                     model.name());
  }
  for (const auto* data : {&train, &test}) {
    const int64_t height = data->images.size(2), width = data->images.size(3);
    if (height % stage->factor() != 0 || width % stage->factor() != 0) {
      throw UsageError(
          "[autoencoder] images of {} x {} pixels cannot be divided by {}, the factor "
          "of {}",
          width, height, stage->factor(), model.name());
    }
  }
  return std::make_unique<KlTask>(*stage, model.name(), train, test, config, device);
}

}  // namespace cq
