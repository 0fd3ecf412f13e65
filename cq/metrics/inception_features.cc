#include "cq/metrics/inception_features.h"

#include <algorithm>

#include <c10/core/GradMode.h>

#include "cq/base/error.h"
#include "cq/base/hash.h"
#include "cq/core/image_resize.h"
#include "cq/core/models/inception.h"
#include "cq/core/models/model.h"

namespace cq {
namespace {

class InceptionFeatures : public FeatureNetwork {
 public:
  InceptionFeatures(const std::filesystem::path& weights, const std::string& resize,
                    const at::Device& device)
      : device_(device),
        hash_(sha256_file(weights)),
        resize_(resize),
        encoder_({}, Weights(part_of(open_weights(weights), "encoder."))) {
    encoder_.weights().check_complete(encoder_.ignored());
    encoder_.weights().to(device);
  }
  std::string name() const override { return "inception"; }
  std::string weights_hash() const override { return hash_; }
  std::string resize() const override { return resize_; }
  bool has_logits() const override { return true; }
  bool has_spatial() const override { return true; }
  int64_t width() const override { return Inception::features; }

  Features compute(const at::Tensor& images) override {
    const c10::NoGradGuard no_grad;
    const auto input = resize_for_inception(images, Inception::size, resize_).to(device_);
    const auto out = encoder_.network().forward(input);
    if (!out.pool3.isfinite().all().item<bool>() || !out.spatial.isfinite().all().item<bool>()) {
      throw RunError("[inception] features are not finite");
    }
    return {out.pool3.cpu(), out.logits_unbiased.cpu(), out.spatial.cpu()};
  }

 private:
  at::Device device_;
  std::string hash_;
  std::string resize_;
  InceptionEncoder encoder_;
};

}  // namespace

std::unique_ptr<FeatureNetwork> make_inception_features(const std::filesystem::path& weights,
                                                        const std::string& resize,
                                                        const at::Device& device) {
  const auto& known = inception_resizes();
  if (std::find(known.begin(), known.end(), resize) == known.end()) {
    throw UsageError("--resize {}: the network 'inception' knows {}", resize,
                     fmt::join(known, ", "));
  }
  return std::make_unique<InceptionFeatures>(weights, resize, device);
}

}  // namespace cq
