#include "cq/core/models/model.h"

#include <ATen/ops/embedding.h>

#include "cq/core/models/dit.h"
#include "cq/core/models/unet.h"

namespace cq {

namespace {

const config::Params<DiffusionConfig>& diffusion_parameters() {
  using C = DiffusionConfig;
  static const auto params =
      config::Params<C>()
          .field("timesteps", &C::timesteps, "timesteps of training", {2, 100000})
          .field("beta_schedule", &C::beta_schedule, "interpolation of beta")
          .choices({"linear", "sqrt_linear"})
          .field("beta_start", &C::beta_start, "first beta", {0, 1})
          .field("beta_end", &C::beta_end, "last beta", {0, 1})
          .field("prediction", &C::prediction, "what the network predicts")
          .choices({"eps", "v"});
  return params;
}

const config::Params<LatentConfig>& latent_parameters() {
  static const auto params =
      config::Params<LatentConfig>()
          .field("channels", &LatentConfig::channels, "channels of the latent", {1, 4096})
          .field("size", &LatentConfig::size, "height and width of the latent", {1, 4096});
  return params;
}

const config::Params<ConditioningConfig>& conditioning_parameters() {
  using C = ConditioningConfig;
  static const auto params =
      config::Params<C>()
          .field("kind", &C::kind, "how the class reaches the network")
          .choices({"class_context", "class_label"})
          .field("classes", &C::classes, "number of classes", {1, 1000000})
          .field("width", &C::width, "width of the embedding (class_context)", {1, 65536});
  return params;
}

const config::Params<FirstStageConfig>& first_stage_parameters() {
  static const auto params =
      config::Params<FirstStageConfig>()
          .field("kind", &FirstStageConfig::kind, "first stage")
          .choices({"patch"})
          .field("patch", &FirstStageConfig::patch, "pixels along a patch", {1, 64});
  return params;
}

class PartSource : public WeightSource {
 public:
  PartSource(std::shared_ptr<const WeightSource> whole, std::string prefix)
      : whole_(std::move(whole)), prefix_(std::move(prefix)) {}
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& name : whole_->names()) {
      if (name.starts_with(prefix_)) names.push_back(name.substr(prefix_.size()));
    }
    return names;
  }
  bool has(const std::string& name) const override { return whole_->has(prefix_ + name); }
  at::Tensor get(const std::string& name) const override { return whole_->get(prefix_ + name); }
  std::string description() const override {
    return fmt::format("{} ({}*)", whole_->description(), prefix_);
  }

 private:
  std::shared_ptr<const WeightSource> whole_;
  std::string prefix_;
};

Weights weights_of(const std::shared_ptr<const WeightSource>& source, const std::string& prefix,
                   InitMode mode, uint64_t seed) {
  return source ? Weights(part_of(source, prefix)) : Weights(mode, seed);
}

const config::Node& part(const config::Node& model, std::string_view key) {
  static const auto none = config::Node::dict();
  const auto* node = model.get(key);
  return node ? *node : none;
}

}  // namespace

const config::Registry<Network, Weights>& network_registry() {
  static const auto registry = [] {
    config::Registry<Network, Weights> r("network");
    r.add<UNet>();
    r.add<DiT>();
    return r;
  }();
  return registry;
}

std::shared_ptr<const WeightSource> part_of(std::shared_ptr<const WeightSource> whole,
                                            std::string prefix) {
  return std::make_shared<PartSource>(std::move(whole), std::move(prefix));
}

Model::Model(const config::Node& model, std::shared_ptr<const WeightSource> source, InitMode mode,
             uint64_t seed)
    : name_(model.at("name").as_string()),
      diffusion_(diffusion_parameters().parse(part(model, "diffusion"))),
      latent_(latent_parameters().parse(part(model, "latent"))),
      conditioning_(conditioning_parameters().parse(part(model, "conditioning"))) {
  const auto& network = model.at("network");
  network_ = network_registry().make(network.at("name").as_string(), network,
                                     weights_of(source, "model.diffusion_model.", mode, seed));
  network_->weights().check_complete();
  if (conditioning_.kind == "class_context") {
    embedder_ = weights_of(source, "cond_stage_model.", mode, seed + 1);
    class_table_ = embedder_->add(
        "embedding.weight", {conditioning_.classes + 1, conditioning_.width}, Init::normal(1));
    embedder_->check_complete();
  }
  const auto stage = first_stage_parameters().parse(part(model, "first_stage"));
  auto stage_weights = weights_of(source, "first_stage_model.", mode, seed + 2);
  first_stage_ =
      std::make_unique<PatchStage>(stage.patch, latent_.channels, std::move(stage_weights));
  first_stage_->weights().check_complete();
}

NetworkInput Model::input(const at::Tensor& x, const at::Tensor& t,
                          const at::Tensor& labels) const {
  NetworkInput in{.x = x, .t = t, .context = {}, .y = {}};
  if (embedder_) {
    in.context = at::embedding(class_table_, labels).unsqueeze(1);  // [B, 1, D]
  } else {
    in.y = labels;
  }
  return in;
}

std::vector<Weights::Named> Model::named() const {
  std::vector<Weights::Named> all;
  const auto append = [&all](const Weights& weights, const std::string& prefix) {
    for (const auto& entry : weights.named()) all.push_back({prefix + entry.name, entry.value});
  };
  append(network_->weights(), "model.diffusion_model.");
  if (embedder_) append(*embedder_, "cond_stage_model.");
  append(first_stage_->weights(), "first_stage_model.");
  return all;
}

std::vector<at::Tensor> Model::trainable() const {
  auto leaves = network_->weights().leaves();
  if (embedder_) leaves.push_back(class_table_);
  return leaves;
}

void Model::to(const at::Device& device) {
  network_->weights().to(device);
  if (embedder_) embedder_->to(device);
  first_stage_->to(device);
}

}  // namespace cq
