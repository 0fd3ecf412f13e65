#include "cq/core/models/conditioning.h"

#include <ATen/ops/embedding.h>

namespace cq {

const ConditioningRegistry& conditioning_registry() {
  static const auto registry = [] {
    ConditioningRegistry r("conditioning", "kind");
    r.add<NoCondition>();
    r.add<ClassContext>();
    r.add<ClassLabel>();
    r.add<Text>();
    return r;
  }();
  return registry;
}

const config::Params<NoCondition::Parameters>& NoCondition::parameters() {
  static const config::Params<Parameters> params;
  return params;
}

const config::Params<ClassContextConfig>& ClassContext::parameters() {
  using P = ClassContextConfig;
  static const auto params = config::Params<P>()
                                 .field("classes", &P::classes, "number of classes", {1, 1e6})
                                 .field("width", &P::width, "width of the token", {1, 65536});
  return params;
}

ClassContext::ClassContext(const Parameters& config, Weights weights)
    : Conditioning(std::move(weights)), classes_(config.classes) {
  table_ =
      this->weights().add("embedding.weight", {config.classes + 1, config.width}, Init::normal(1));
}

void ClassContext::apply(const at::Tensor& labels, NetworkInput& in) const {
  in.context = at::embedding(table_, labels).unsqueeze(1);  // [B, 1, D]
}

const config::Params<ClassLabelConfig>& ClassLabel::parameters() {
  using P = ClassLabelConfig;
  static const auto params =
      config::Params<P>().field("classes", &P::classes, "number of classes", {1, 1e6});
  return params;
}

const config::Params<TextConfig>& Text::parameters() {
  using P = TextConfig;
  static const auto params = config::Params<P>()
                                 .field("tokens", &P::tokens, "tokens of a context", {1, 65536})
                                 .field("width", &P::width, "width of a token", {1, 65536});
  return params;
}

Text::Text(const Parameters& config, Weights weights) : Conditioning(std::move(weights)) {
  contexts_ = at::zeros({2, config.tokens, config.width});
}

void Text::apply(const at::Tensor& labels, NetworkInput& in) const {
  in.context = contexts_.index_select(0, labels);
}

void Text::to(const at::Device& device) {
  Conditioning::to(device);
  contexts_ = contexts_.to(device);
}

}  // namespace cq
