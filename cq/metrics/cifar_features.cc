#include "cq/metrics/cifar_features.h"

#include <algorithm>

#include <ATen/ops/isfinite.h>
#include <c10/core/GradMode.h>

#include "cq/base/error.h"
#include "cq/base/hash.h"
#include "cq/base/interrupt.h"
#include "cq/core/io/safetensors.h"
#include "cq/core/models/classifier.h"
#include "cq/core/models/model.h"

namespace cq {

namespace {

/// The configuration that the shapes in a file tell.
ClassifierConfig config_of(const SafeTensors& file, const std::filesystem::path& path) {
  ClassifierConfig config;
  config.widths.clear();
  for (int64_t i = 0;; ++i) {
    const auto name = fmt::format("stages.{}.enter.conv.weight", i);
    if (!file.contains(name)) break;
    config.widths.push_back(file.info(name).shape.at(0));
  }
  if (config.widths.empty() || !file.contains("head.weight")) {
    throw RunError(
        "{}: no stages.0.enter.conv.weight or head.weight in it, so it is no classifier "
        "of `cq-exp train`",
        path.string());
  }
  config.classes = file.info("head.weight").shape.at(0);
  return config;
}

class CifarFeatures : public FeatureNetwork {
 public:
  CifarFeatures(const std::filesystem::path& weights, const at::Device& device)
      : device_(device),
        hash_(sha256_file(weights)),
        config_(config_of(SafeTensors::open(weights), weights)),
        classifier_(config_, Weights(open_weights(weights))) {
    classifier_.weights().check_complete();
    classifier_.weights().to(device);
  }
  std::string name() const override { return "cifar"; }
  std::string weights_hash() const override { return hash_; }
  std::string resize() const override { return "none"; }
  bool has_logits() const override { return true; }
  int64_t width() const override { return config_.widths.back(); }
  void check_image_size(int64_t height, int64_t width) const override {
    if (height != 32 || width != 32) {
      throw UsageError("[cifar] the embedded classifier takes images of 32 x 32, got {} x {}",
                       width, height);
    }
  }

  Features compute(const at::Tensor& images) override {
    check_image_size(images.size(1), images.size(2));
    const c10::NoGradGuard no_grad;
    const auto unit = images.to(device_).permute({0, 3, 1, 2}).to(at::kFloat) / 127.5 - 1;
    const auto out = classifier_.forward(unit.contiguous());
    if (!at::isfinite(out.features).all().item<bool>()) {
      throw RunError("[cifar] features are not finite");
    }
    return {out.features.cpu(), out.logits.cpu(), {}};
  }

 private:
  at::Device device_;
  std::string hash_;
  ClassifierConfig config_;
  Classifier classifier_;
};

}  // namespace

std::unique_ptr<FeatureNetwork> make_cifar_features(const std::filesystem::path& weights,
                                                    const at::Device& device) {
  return std::make_unique<CifarFeatures>(weights, device);
}

FeatureReference read_reference(const std::filesystem::path& file,
                                const std::string& weights_hash) {
  const auto stored = SafeTensors::open(file);
  const auto& about = stored.metadata();
  const auto text = [&](const char* key) {
    const auto found = about.find(key);
    if (found == about.end()) {
      throw RunError("{}: no `{}` in its metadata; `cq-exp train` writes such a file",
                     file.string(), key);
    }
    return found->second;
  };
  if (text("weights_sha256") != weights_hash) {
    throw RunError(
        "{}: made with another classifier than data.features names; make it again with "
        "`cq-exp train configs/train_classifier.yaml`",
        file.string());
  }
  FeatureReference reference;
  reference.name = text("reference");
  auto statistics = std::make_shared<FeatureStatistics>();
  statistics->mean = stored.tensor("mean").to(at::kDouble);
  statistics->covariance = stored.tensor("covariance").to(at::kDouble);
  statistics->count = std::stoll(text("count"));
  reference.statistics = std::move(statistics);
  reference.features = stored.tensor("features").to(at::kFloat);
  return reference;
}

void write_reference(const std::filesystem::path& file, FeatureNetwork& network,
                     const std::string& name, const at::Tensor& images, int64_t keep) {
  constexpr int64_t kBatch = 500;
  RunningMoments moments;
  std::vector<at::Tensor> kept;
  for (int64_t first = 0; first < images.size(0); first += kBatch) {
    throw_if_interrupted();
    const int64_t n = std::min(kBatch, images.size(0) - first);
    const auto features = network.compute(images.narrow(0, first, n)).features;
    moments.add(features);
    if (first < keep) kept.push_back(features.narrow(0, 0, std::min(n, keep - first)));
  }
  const auto statistics = moments.statistics();
  write_safetensors(file,
                    {{"mean", statistics.mean},
                     {"covariance", statistics.covariance},
                     {"features", at::cat(kept, 0).to(at::kHalf)}},
                    {{"reference", name},
                     {"count", std::to_string(statistics.count)},
                     {"weights_sha256", network.weights_hash()}});
}

}  // namespace cq
