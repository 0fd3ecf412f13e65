#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include "cq/core/io/safetensors.h"
#include "cq/experiments/training/augment.h"
#include "cq/experiments/training/layout.h"
#include "cq/experiments/training/tasks.h"

namespace cq {

namespace {

class ClassifierTask : public TrainingTask {
 public:
  ClassifierTask(Classifier& classifier, ImageData train, ImageData test,
                 const ClassifierTaskConfig& config, const at::Device& device)
      : classifier_(classifier),
        train_(std::move(train)),
        test_(std::move(test)),
        config_(config),
        device_(device) {}

  std::vector<at::Tensor> trainable() const override { return classifier_.weights().leaves(); }

  std::vector<std::pair<std::string, at::Tensor>> buffers() const override {
    return classifier_.running_statistics();
  }

  at::Tensor loss(int64_t step) override {
    const auto picked =
        at::tensor(epoch_batch(train_.size(), config_.batch, step, config_.seed), at::kLong);
    auto generator = at::detail::createCPUGenerator(config_.seed * 7919 + uint64_t(step));
    auto images = to_unit_range(train_.images.index_select(0, picked));
    const auto flip = at::rand({images.size(0), 1, 1, 1}, generator) < 0.5;
    images = crop_shifted(at::where(flip, images.flip(3), images), generator);
    images = blur_some(images, config_.blur_probability, generator);
    images = cut_out(images, config_.cutout, generator);
    const auto out = classifier_.forward(in_training_layout(images.to(device_)), true);
    const auto labels = train_.labels.index_select(0, picked).to(device_);
    return at::cross_entropy_loss(out.logits.to(at::kFloat), labels, {}, 1, -100,
                                  config_.label_smoothing);
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
    const auto images = to_unit_range(data.images.narrow(0, first, n)).to(device);
    const auto guess = classifier.forward(images).logits.argmax(1).cpu();
    right += guess.eq(data.labels.narrow(0, first, n)).sum().item<int64_t>();
  }
  return double(right) / double(data.size());
}

std::unique_ptr<TrainingTask> make_classifier_task(Classifier& classifier, ImageData train,
                                                   ImageData test,
                                                   const ClassifierTaskConfig& config,
                                                   const at::Device& device) {
  return std::make_unique<ClassifierTask>(classifier, std::move(train), std::move(test), config,
                                          device);
}

}  // namespace cq
