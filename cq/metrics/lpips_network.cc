#include "cq/metrics/lpips_network.h"

#include <algorithm>

#include <ATen/ops/conv2d.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <c10/core/GradMode.h>

#include "cq/base/error.h"
#include "cq/base/hash.h"
#include "cq/core/models/model.h"
#include "cq/core/weights.h"

namespace cq {
namespace {

constexpr double kEps = 1e-10;
// Activations of VGG-16's first stage cost some 1.5 KiB a pixel and pair.
constexpr int64_t kPixelsAtOnce = 1 << 19;

/// A convolution by its place in torchvision's `features`.
struct Place {
  int64_t index;
  int64_t out;
};

struct Trunk {
  const char* name;
  std::vector<std::vector<Place>> stages;  // a maximum pool stands between two of them
  int64_t kernel, stride, padding;         // of the first convolution
  int64_t second_kernel;                   // of the second stage's; the others' is 3
  int64_t pool;
};

const std::vector<Trunk>& trunks() {
  static const std::vector<Trunk> all = {
      {"alex", {{{0, 64}}, {{3, 192}}, {{6, 384}}, {{8, 256}}, {{10, 256}}}, 11, 4, 2, 5, 3},
      {"vgg",
       {{{0, 64}, {2, 64}},
        {{5, 128}, {7, 128}},
        {{10, 256}, {12, 256}, {14, 256}},
        {{17, 512}, {19, 512}, {21, 512}},
        {{24, 512}, {26, 512}, {28, 512}}},
       3,
       1,
       1,
       3,
       2}};
  return all;
}

/// Several checkpoints taken together.
class Sources {
 public:
  Sources(const std::vector<std::filesystem::path>& files, const at::Device& device)
      : device_(device) {
    for (const auto& file : files) {
      sources_.push_back(open_weights(file));
      description_ += (description_.empty() ? "" : " and ") + file.string();
    }
  }
  const at::Device& device() const { return device_; }
  const std::string& description() const { return description_; }

  /// The first of `names` that is there, undefined where none is.
  at::Tensor find(const std::vector<std::string>& names) const {
    for (const auto& source : sources_) {
      for (const auto& name : names) {
        if (source->has(name)) return source->get(name).to(device_, at::kFloat);
      }
    }
    return {};
  }

  at::Tensor get(const std::vector<std::string>& names, at::IntArrayRef shape) const {
    const at::Tensor found = find(names);
    if (!found.defined()) {
      throw RunError("[lpips] {}: no weight {}", description_, fmt::join(names, " or "));
    }
    if (found.sizes() != shape) {
      throw RunError("[lpips] {}: {} is [{}], expected [{}]", description_, names.front(),
                     fmt::join(found.sizes(), ", "), fmt::join(shape, ", "));
    }
    if (!found.isfinite().all().item<bool>()) {
      throw RunError("[lpips] {}: {} holds NaN or infinity", description_, names.front());
    }
    return found;
  }

 private:
  at::Device device_;
  std::vector<std::shared_ptr<const WeightSource>> sources_;
  std::string description_;
};

std::vector<std::string> trunk_names(size_t stage, int64_t index, const char* kind) {
  return {fmt::format("net.slice{}.{}.{}", stage + 1, index, kind),
          fmt::format("features.{}.{}", index, kind)};
}

const Trunk& trunk_of(const Sources& sources) {
  const at::Tensor first = sources.find(trunk_names(0, 0, "weight"));
  for (const Trunk& trunk : trunks()) {
    if (first.defined() && first.dim() == 4 && first.size(2) == trunk.kernel) return trunk;
  }
  throw RunError(
      "[lpips] {}: neither AlexNet nor VGG-16: expected features.0.weight or net.slice1.0.weight "
      "with 11 x 11 or 3 x 3 kernels",
      sources.description());
}

class LpipsNetwork : public PerceptualNetwork {
 public:
  LpipsNetwork(const Sources& sources, std::string hash)
      : hash_(std::move(hash)), device_(sources.device()), trunk_(trunk_of(sources)) {
    int64_t in = 3;
    for (size_t stage = 0; stage < trunk_.stages.size(); ++stage) {
      auto& built = stages_.emplace_back();
      for (const Place& place : trunk_.stages[stage]) {
        const int64_t kernel = stage == 0 ? trunk_.kernel : stage == 1 ? trunk_.second_kernel : 3;
        built.convolutions.push_back(
            {sources.get(trunk_names(stage, place.index, "weight"),
                         {place.out, in, kernel, kernel}),
             sources.get(trunk_names(stage, place.index, "bias"), {place.out})});
        in = place.out;
      }
      // The package's heads follow a dropout; a copy trained without has them at 0.
      built.head = sources.get(
          {fmt::format("lin{}.model.1.weight", stage), fmt::format("lins.{}.model.1.weight", stage),
           fmt::format("lin{}.model.0.weight", stage)},
          {1, in, 1, 1});
    }
  }

  std::string name() const override { return trunk_.name; }
  std::string weights_hash() const override { return hash_; }

  at::Tensor distance(const at::Tensor& images, const at::Tensor& references) const override {
    const int64_t height = images.size(1), width = images.size(2);
    if (std::min(height, width) < smallest()) {
      throw UsageError("[lpips] images are {}x{}, the network '{}' needs at least {}x{}", height,
                       width, trunk_.name, smallest(), smallest());
    }
    const c10::NoGradGuard no_grad;
    const int64_t step = std::max<int64_t>(1, kPixelsAtOnce / (height * width));
    std::vector<at::Tensor> parts;
    for (int64_t begin = 0; begin < images.size(0); begin += step) {
      parts.push_back(
          compare(images.slice(0, begin, begin + step), references.slice(0, begin, begin + step)));
    }
    const at::Tensor result = at::cat(parts);
    if (!result.isfinite().all().item<bool>()) throw RunError("[lpips] a distance is not finite");
    return result;
  }

 private:
  struct Stage {
    std::vector<std::pair<at::Tensor, at::Tensor>> convolutions;
    at::Tensor head;
  };

  /// Below it a pool has nothing left to see.
  int64_t smallest() const { return trunk_.kernel == 11 ? 31 : 16; }

  at::Tensor scaled(const at::Tensor& images) const {
    const auto row = [&](std::vector<float> values) {
      return at::from_blob(values.data(), {1, 3, 1, 1}).clone().to(device_);
    };
    const at::Tensor unit = images.to(device_).permute({0, 3, 1, 2}).to(at::kFloat) / 127.5 - 1;
    return ((unit - row({-.030F, -.088F, -.188F})) / row({.458F, .448F, .450F})).contiguous();
  }

  static at::Tensor normalised(const at::Tensor& x) {
    return x / (x.square().sum(at::IntArrayRef{1}, true).sqrt() + kEps);
  }

  at::Tensor run(size_t stage, at::Tensor x) const {
    if (stage > 0 && pools_before(stage)) x = at::max_pool2d(x, {trunk_.pool, trunk_.pool}, {2, 2});
    for (const auto& [weight, bias] : stages_[stage].convolutions) {
      const bool first = stage == 0 && trunk_.kernel == 11;
      const int64_t stride = first ? trunk_.stride : 1;
      const int64_t padding = first ? trunk_.padding : weight.size(2) / 2;
      x = at::conv2d(x, weight, bias, {stride, stride}, {padding, padding}).relu_();
    }
    return x;
  }
  /// AlexNet pools before its second and third stage only.
  bool pools_before(size_t stage) const { return trunk_.kernel != 11 || stage <= 2; }

  at::Tensor compare(const at::Tensor& images, const at::Tensor& references) const {
    // One image passes as it would alone: the pair is a batch.
    at::Tensor x = at::cat({scaled(images), scaled(references)});
    const int64_t n = images.size(0);
    at::Tensor total = at::zeros({n}, at::TensorOptions().dtype(at::kDouble).device(device_));
    for (size_t stage = 0; stage < stages_.size(); ++stage) {
      x = run(stage, x);
      const at::Tensor features = normalised(x);
      const at::Tensor difference = (features.narrow(0, 0, n) - features.narrow(0, n, n)).square();
      total.add_(at::conv2d(difference, stages_[stage].head).flatten(1).mean(1));
    }
    return total.cpu();
  }

  std::string hash_;
  at::Device device_;
  const Trunk& trunk_;
  std::vector<Stage> stages_;
};

}  // namespace

std::unique_ptr<PerceptualNetwork> make_lpips_network(
    const std::vector<std::filesystem::path>& weights, const at::Device& device) {
  Sha256 hash;
  for (const auto& file : weights) hash.add(sha256_file(file));
  return std::make_unique<LpipsNetwork>(Sources(weights, device),
                                        weights.size() == 1 ? sha256_file(weights[0]) : hash.hex());
}

}  // namespace cq
