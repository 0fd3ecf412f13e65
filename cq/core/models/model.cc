#include "cq/core/models/model.h"

#include "cq/base/error.h"
#include "cq/config/naming.h"
#include "cq/core/models/ddpm.h"
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
          .field("size", &LatentConfig::size, "height and width of the latent", {1, 4096})
          .field("scale_factor", &LatentConfig::scale_factor,
                 "factor of the first stage's values; null: the checkpoint's", {1e-9, 1e9});
  return params;
}

const config::Params<GuidanceRule>& guidance_parameters() {
  static const auto params = config::Params<GuidanceRule>()
                                 .field("order", &GuidanceRule::order, "halves of a guided batch")
                                 .choices({"uncond_first", "cond_first"})
                                 .field("channels", &GuidanceRule::channels,
                                        "guided channels, from the first on; null: all", {1, 4096});
  return params;
}

const config::Params<OutputRule>& output_parameters() {
  static const auto params = config::Params<OutputRule>()
                                 .field("bytes", &OutputRule::bytes, "how images become bytes")
                                 .choices({"round", "truncate"});
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
  bool implies(const std::string& name) const override { return whole_->implies(prefix_ + name); }
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

/// The model's group `key`, with `kind` filled in where it is absent.
config::Node part(const config::Node& model, std::string_view key, const char* kind = nullptr) {
  const auto* node = model.get(key);
  auto found = node != nullptr ? *node : config::Node::dict();
  if (kind != nullptr && found.get(std::string_view("kind")) == nullptr) {
    found.put(config::Key("kind"), config::Node(kind));
  }
  return found;
}

}  // namespace

const config::Registry<Network, Weights>& network_registry() {
  static const auto registry = [] {
    config::Registry<Network, Weights> r("network");
    r.add<UNet>();
    r.add<DiT>();
    r.add<DdpmUNet>();
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
      guidance_(guidance_parameters().parse(part(model, "guidance"))),
      output_(output_parameters().parse(part(model, "output"))) {
  if (const auto* network = model.get(std::string_view("network"))) {
    network_ = config::naming(*network, [&] {
      return network_registry().make(network->at("name").as_string(), *network,
                                     weights_of(source, "model.diffusion_model.", mode, seed));
    });
    network_->weights().check_complete();
  }
  const auto condition = part(model, "conditioning", "none");
  conditioning_ =
      conditioning_registry().make(condition.at("kind").as_string(), condition,
                                   weights_of(source, "cond_stage_model.", mode, seed + 1));
  // An encoder's file may serve as the text encoder of another model: its names are there twice.
  if (model.get(std::string_view("encoder")) == nullptr) {
    conditioning_->weights().check_complete(conditioning_->ignored());
  }
  const auto stage = part(model, "first_stage", "none");
  first_stage_ =
      first_stage_registry().make(stage.at("kind").as_string(), stage, latent_,
                                  weights_of(source, "first_stage_model.", mode, seed + 2));
  first_stage_->weights().check_complete(first_stage_->ignored());
  if (const auto* encoder = model.get(std::string_view("encoder"))) {
    encoder_ = encoder_registry().make(encoder->at("kind").as_string(), *encoder,
                                       weights_of(source, "encoder.", mode, seed + 3));
    encoder_->weights().check_complete(encoder_->ignored());
  }
  set_scale(source.get());
}

void Model::set_scale(const WeightSource* source) {
  constexpr const char* kName = "scale_factor";
  if (latent_.scale_factor) {
    first_stage_->set_scale(*latent_.scale_factor);
  } else if (source != nullptr) {
    if (!source->has(kName)) {
      throw RunError("{}: no {}, which {} takes from its checkpoint; set model.latent.{}",
                     source->description(), kName, name_, kName);
    }
    first_stage_->set_scale(source->get(kName).to(at::kDouble).item<double>());
  }
}

const Network& Model::network() const {
  if (!network_) {
    throw UsageError("[model] {} has no denoiser; `cq-exp probe` runs its parts", name_);
  }
  return *network_;
}

Network& Model::network() {
  return const_cast<Network&>(std::as_const(*this).network());
}

const FeatureEncoder& Model::encoder() const {
  if (!encoder_) throw UsageError("[model] {} is no encoder of images or texts", name_);
  return *encoder_;
}

NetworkInput Model::input(const at::Tensor& x, const at::Tensor& t,
                          const at::Tensor& labels) const {
  NetworkInput in{.x = x, .t = t, .context = {}, .y = {}};
  conditioning_->apply(labels, in);
  return in;
}

std::vector<Weights::Named> Model::named() const {
  std::vector<Weights::Named> all;
  const auto append = [&all](const Weights& weights, const std::string& prefix) {
    for (const auto& entry : weights.named()) all.push_back({prefix + entry.name, entry.value});
  };
  if (network_) append(network_->weights(), "model.diffusion_model.");
  append(conditioning_->weights(), "cond_stage_model.");
  append(first_stage_->weights(), "first_stage_model.");
  if (encoder_) append(encoder_->weights(), "encoder.");
  return all;
}

std::vector<at::Tensor> Model::trainable() const {
  auto leaves = network().weights().leaves();
  for (const auto& leaf : conditioning_->trainable()) leaves.push_back(leaf);
  return leaves;
}

int64_t Model::parameter_count() const {
  if (network_) return network_->weights().count();
  if (encoder_) return encoder_->weights().count();
  return first_stage_->weights().count() + conditioning_->weights().count();
}

void Model::to(const at::Device& device) {
  device_ = device;
  if (network_) network_->weights().to(device);
  conditioning_->to(device);
  first_stage_->weights().to(device);
  if (encoder_) encoder_->weights().to(device);
}

}  // namespace cq
