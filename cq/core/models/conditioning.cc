#include "cq/core/models/conditioning.h"

#include <ATen/ops/embedding.h>
#include <c10/core/GradMode.h>

#include "cq/base/error.h"
#include "cq/core/io/mapped_file.h"

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
  static const auto params =
      config::Params<P>()
          .field<int64_t>("tokens", &P::tokens, "tokens of a context", {1, 65536})
          .field<int64_t>("width", &P::width, "width of a token", {1, 65536})
          .field<int64_t>("layers", &P::layers, "of the encoder", {1, 1000})
          .field<int64_t>("heads", &P::heads, "of the encoder's attention", {1, 1000})
          .field<int64_t>("vocabulary", &P::vocabulary, "tokens there are", {1, 1e7})
          .field("encoder", &P::encoder, "what turns prompts to contexts; none leaves them zero")
          .choices({"none", "clip"});
  return params;
}

Text::Text(const Parameters& config, Weights weights) : Conditioning(std::move(weights)) {
  contexts_ = at::zeros({2, config.tokens, config.width});
  if (config.encoder == "clip") {
    encoder_.emplace(Scope(this->weights(), "transformer.text_model"), config);
  }
}

std::vector<std::string> Text::ignored() const {
  // A buffer of positions, and without an encoder whatever the checkpoint has in its place; the
  // projections of whole CLIP models.
  if (!encoder_) return {""};
  return {"transformer.text_model.embeddings.position_ids"};
}

const ClipText& Text::encoder() const {
  if (!encoder_) {
    throw UsageError("[model] no text encoder: model.conditioning.encoder=clip adds it");
  }
  return *encoder_;
}

void Text::set_tokens(const at::Tensor& tokens, const at::Tensor& empty) {
  const c10::NoGradGuard no_grad;
  const FloatExecutor executor;
  const auto rows = at::cat({tokens, empty.unsqueeze(0)}, 0).to(contexts_.device());
  std::vector<at::Tensor> contexts;
  for (int64_t i = 0; i < rows.size(0); ++i) {
    contexts.push_back(encoder().forward(rows.narrow(0, i, 1), executor));
  }
  contexts_ = at::cat(contexts, 0);
  // The encoder has half a gigabyte of weights, and nothing to do before other prompts come.
  for (const auto& leaf : weights().leaves()) {
    release_mapped_pages(leaf.const_data_ptr(), leaf.nbytes());
  }
}

void Text::apply(const at::Tensor& labels, NetworkInput& in) const {
  in.context = contexts_.index_select(0, labels);
}

void Text::to(const at::Device& device) {
  Conditioning::to(device);
  contexts_ = contexts_.to(device);
}

}  // namespace cq
