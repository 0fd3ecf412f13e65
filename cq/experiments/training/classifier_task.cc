#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <c10/core/GradMode.h>

#include "cq/core/io/safetensors.h"
#include "cq/experiments/training/augment.h"
#include "cq/experiments/training/draws.h"
#include "cq/experiments/training/layout.h"
#include "cq/experiments/training/tasks.h"

namespace cq {

namespace {

class ClassifierTask : public TrainingTask {
 public:
  ClassifierTask(Classifier& classifier, const ImageData& train, const ImageData& test,
                 const ClassifierTaskConfig& config, const at::Device& device)
      : classifier_(classifier),
        train_(on_device(train, device)),
        test_(on_device(test, device)),
        config_(config),
        device_(device) {}

  std::vector<at::Tensor> trainable() const override { return classifier_.weights().leaves(); }

  std::vector<std::pair<std::string, at::Tensor>> buffers() const override {
    return classifier_.running_statistics();
  }

  at::Tensor loss(int64_t step) override {
    const auto picked =
        indices_on(device_, epoch_batch(train_.size(), config_.batch, step, config_.seed));
    auto generator = step_generator(device_, config_.seed, step);
    auto images = to_unit_range(train_.images.index_select(0, picked));
    images = crop_shifted(flip_some(images, generator), generator);
    images = blur_some(images, config_.blur_probability, generator);
    images = cut_out(images, config_.cutout, generator);
    const auto labels = train_.labels.index_select(0, picked);
    if (config_.mixup == 0) return loss_of(images, labels, at::Tensor());
    const auto shares = draw_shares(images.size(0), config_.mixup, generator);
    return loss_of(mix(images, shares), labels, shares);
  }

  std::string evaluate(int64_t, const std::filesystem::path&) override {
    return fmt::format("accuracy on the test images {:.4f}",
                       classifier_accuracy(classifier_, test_, device_));
  }

  void export_weights(const std::filesystem::path& file, int64_t step) override {
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    for (const auto& [name, value] : classifier_.weights().named()) {
      tensors.emplace_back(name, value.detach().to(value.dim() == 4 ? at::kHalf : at::kFloat));
    }
    write_safetensors(file, tensors,
                      {{"model", "cifar-classifier"},
                       {"steps", std::to_string(step)},
                       {"images", std::to_string(step * config_.batch)}});
  }

 private:
  /// `shares` undefined: no image is mixed.
  at::Tensor loss_of(const at::Tensor& images, const at::Tensor& labels,
                     const at::Tensor& shares) const {
    const auto out = classifier_.forward(in_training_layout(images), true);
    const auto logits = out.logits.to(at::kFloat);
    const auto entropy = [&](const at::Tensor& of, at::Reduction::Reduction reduction) {
      return at::cross_entropy_loss(logits, of, {}, reduction, -100, config_.label_smoothing);
    };
    if (!shares.defined()) return entropy(labels, at::Reduction::Mean);
    const auto others = labels.roll(1, 0);
    return (shares * entropy(labels, at::Reduction::None) +
            (1 - shares) * entropy(others, at::Reduction::None))
        .mean();
  }

  Classifier& classifier_;
  ImageData train_, test_;
  ClassifierTaskConfig config_;
  at::Device device_;
};

}  // namespace

double classifier_accuracy(const Classifier& classifier, const ImageData& data,
                           const at::Device& device) {
  c10::NoGradGuard no_grad;
  int64_t right = 0;
  for (int64_t first = 0; first < data.size(); first += 500) {
    const int64_t n = std::min<int64_t>(500, data.size() - first);
    const auto images = to_unit_range(data.images.narrow(0, first, n).to(device));
    const auto guess = classifier.forward(images).logits.argmax(1);
    right += guess.eq(data.labels.narrow(0, first, n).to(device)).sum().item<int64_t>();
  }
  return double(right) / double(data.size());
}

std::unique_ptr<TrainingTask> make_classifier_task(Classifier& classifier, const ImageData& train,
                                                   const ImageData& test,
                                                   const ClassifierTaskConfig& config,
                                                   const at::Device& device) {
  return std::make_unique<ClassifierTask>(classifier, train, test, config, device);
}

}  // namespace cq
