#include "cq/core/models/classifier.h"

#include <ATen/ops/batch_norm.h>
#include <ATen/ops/max_pool2d.h>

#include "cq/core/executor.h"

namespace cq {

const config::Params<ClassifierConfig>& Classifier::parameters() {
  static const auto params =
      config::Params<ClassifierConfig>()
          .field("widths", &ClassifierConfig::widths, "channels of each stage", {2, 4096})
          .field("classes", &ClassifierConfig::classes, "number of classes", {2, 100000});
  return params;
}

Classifier::Layer Classifier::make_layer(const Scope& scope, int64_t in, int64_t out) {
  Layer layer;
  layer.convolution = make_conv(scope, "conv", in, out, 3, {.geometry = same_3x3(), .bias = false});
  const auto norm = scope / "norm";
  layer.weight = norm.add("weight", {out}, Init::ones());
  layer.bias = norm.add("bias", {out}, Init::zeros());
  layer.mean = weights_.add_fixed(norm.name("running_mean"), at::zeros({out}));
  layer.variance = weights_.add_fixed(norm.name("running_var"), at::ones({out}));
  return layer;
}

Classifier::Classifier(const ClassifierConfig& c, Weights weights)
    : classes_(c.classes), weights_(std::move(weights)) {
  const Scope root(weights_);
  int64_t channels = c.widths.at(0) / 2;
  stem_ = make_layer(root / "stem", 3, channels);
  for (size_t i = 0; i < c.widths.size(); ++i) {
    const auto at = root / "stages" / int64_t(i);
    const int64_t width = c.widths[i];
    Stage stage{make_layer(at / "enter", channels, width), make_layer(at / "first", width, width),
                make_layer(at / "second", width, width)};
    stages_.push_back(std::move(stage));
    channels = width;
  }
  head_ = make_linear(root, "head", channels, c.classes);
}

at::Tensor Classifier::run(const Layer& layer, const at::Tensor& x, bool training, bool pool) {
  auto h = FloatExecutor().run(*layer.convolution, {.x = x}, 0);
  // Before the norm: a quarter of the elements is left to normalise and activate.
  if (pool) h = at::max_pool2d(h, {2, 2});
  return at::silu(at::batch_norm(h, layer.weight, layer.bias, layer.mean, layer.variance, training,
                                 0.1, 1e-5, false));
}

Classifier::Output Classifier::forward(const at::Tensor& images, bool training) const {
  auto x = run(stem_, images, training);
  for (const auto& stage : stages_) {
    // The widening convolution runs before pooling: at this size a strided one loses accuracy.
    x = run(stage.enter, x, training, true);
    x = x + run(stage.second, run(stage.first, x, training), training);
  }
  const auto features = x.mean({2, 3});
  return {features, FloatExecutor().run(*head_, {.x = features}, 0)};
}

std::vector<std::pair<std::string, at::Tensor>> Classifier::running_statistics() const {
  std::vector<std::pair<std::string, at::Tensor>> found;
  for (const auto& [name, value] : weights_.named()) {
    if (name.find(".running_") != std::string::npos) found.emplace_back(name, value);
  }
  return found;
}

}  // namespace cq
