#include "cq/experiments/commands/probe.h"

#include <algorithm>
#include <map>
#include <set>

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/config/nearest.h"
#include "cq/core/io/npz.h"
#include "cq/experiments/commands/common_context.h"
#include "cq/experiments/setup/config_checks.h"
#include "cq/experiments/setup/load_model.h"
#include "cq/experiments/setup/program_config.h"

namespace cq {

namespace {

using Named = std::map<std::string, at::Tensor>;

/// Keeps what comes out of the layers and points that were asked for.
class Taps : public Executor, public PointHandler {
 public:
  explicit Taps(const std::vector<std::string>& names) : wanted_(names.begin(), names.end()) {}

  at::Tensor run(const Unit& unit, const UnitInput& in, int64_t step) const override {
    return keep(unit.name, executor_.run(unit, in, step));
  }
  at::Tensor attention(const AttentionUnit& unit, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v, int64_t step) const override {
    return keep(unit.name, executor_.attention(unit, q, k, v, step));
  }
  at::Tensor at(const Point& point, int64_t, c10::function_ref<at::Tensor()> compute) override {
    return keep(point, compute());
  }

  const Named& kept() const { return kept_; }
  /// Throws UsageError for a name that nothing had.
  void check_all_seen() const {
    for (const auto& name : wanted_) {
      if (kept_.contains(name)) continue;
      throw UsageError(
          "[probe] --taps: nothing called '{}' was computed{}; layers are called as "
          "in the checkpoint, without .weight (`cq-exp bops --layers` prints a "
          "denoiser's)",
          name, config::did_you_mean(name, {seen_.begin(), seen_.end()}));
    }
  }

 private:
  at::Tensor keep(const std::string& name, at::Tensor value) const {
    seen_.insert(name);
    if (wanted_.contains(name)) kept_[name] = value;
    return value;
  }
  FloatExecutor executor_;
  std::set<std::string> wanted_;
  mutable std::set<std::string> seen_;
  mutable Named kept_;
};

/// The arrays of the input file, each to be taken once.
class Inputs {
 public:
  Inputs(const std::filesystem::path& path, const at::Device& device)
      : path_(path), device_(device) {
    const auto file = Npz::open(path);
    for (const auto& name : file.names()) arrays_[name] = file.tensor(name);
  }
  bool has(const std::string& name) const { return arrays_.contains(name); }

  /// [B, ...] float32 with `dimensions` axes.
  at::Tensor real(const std::string& name, int64_t dimensions) {
    const auto value = take(name, dimensions);
    if (!value.is_floating_point()) wrong(name, "floating-point numbers");
    return value.to(at::kFloat).contiguous().to(device_);
  }
  at::Tensor whole(const std::string& name, int64_t dimensions) {
    const auto value = take(name, dimensions);
    if (value.is_floating_point() || value.scalar_type() == at::kBool) wrong(name, "integers");
    return value.to(at::kLong).contiguous().to(device_);
  }
  at::Tensor of_type(const FeatureEncoder::Input& input) {
    if (input.type == at::kFloat) return real(input.name, input.dimensions);
    if (input.type == at::kLong) return whole(input.name, input.dimensions);
    const auto value = take(input.name, input.dimensions);
    if (value.scalar_type() != input.type) wrong(input.name, c10::toString(input.type));
    return value.contiguous().to(device_);
  }
  [[noreturn]] void miss(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& [key, value] : arrays_) names.push_back(key);
    throw UsageError("[probe] {}: no array '{}', which this network takes; it holds {}",
                     path_.string(), name, fmt::join(names, ", "));
  }
  /// Throws UsageError where arrays are left that nothing reads.
  void check_all_taken() const {
    for (const auto& [name, value] : arrays_) {
      if (!taken_.contains(name)) {
        throw UsageError("[probe] {}: '{}' is no input of this network", path_.string(), name);
      }
    }
  }

 private:
  [[noreturn]] void wrong(const std::string& name, const std::string& expected) const {
    const auto& value = arrays_.at(name);
    throw UsageError("[probe] {}: '{}' must be {}, got {} [{}]", path_.string(), name, expected,
                     c10::toString(value.scalar_type()), fmt::join(value.sizes(), ", "));
  }
  at::Tensor take(const std::string& name, int64_t dimensions) {
    const auto found = arrays_.find(name);
    if (found == arrays_.end()) miss(name);
    taken_.insert(name);
    const auto& value = found->second;
    if (value.dim() != dimensions || value.numel() == 0) {
      wrong(name, fmt::format("an array with {} axes, batch first", dimensions));
    }
    if (batch_ == 0) batch_ = value.size(0);
    if (value.size(0) != batch_) wrong(name, fmt::format("a batch of {} as the others", batch_));
    return value;
  }

  std::filesystem::path path_;
  at::Device device_;
  Named arrays_;
  std::set<std::string> taken_;
  int64_t batch_ = 0;
};

enum class Part { network, first_stage, text, encoder };

Part choose_part(const config::Node& model, const Inputs& inputs) {
  const auto has = [&](const char* key) { return model.get(std::string_view(key)) != nullptr; };
  if (has("encoder")) return Part::encoder;
  if (inputs.has("tokens")) return Part::text;
  if (inputs.has("z")) return Part::first_stage;
  if (inputs.has("t")) return Part::network;
  if (has("network")) return Part::network;  // and say that t is missing
  return has("first_stage") ? Part::first_stage : Part::text;
}

/// The model's config with nothing but the part, so that a file may hold that part alone.
config::Node only(const config::Node& config, Part part) {
  auto model = config.at("model");
  const auto drop = [&](const char* key) { model.erase(config::Key(key)); };
  if (part != Part::network) drop("network");
  if (part != Part::first_stage) drop("first_stage");
  if (part != Part::text) drop("conditioning");
  if (part != Part::encoder) drop("encoder");
  // Parts are probed without the scale factor.
  if (auto* latent = model.get(std::string_view("latent"))) {
    auto plain = *latent;
    plain.put(config::Key("scale_factor"), config::Node(1.0));
    model.put(config::Key("latent"), plain);
  }
  auto only = config;
  only.put(config::Key("model"), model);
  return only;
}

at::Tensor run_network(const Model& model, Inputs& inputs, Taps& taps) {
  NetworkInput in{.x = inputs.real("x", 4), .t = inputs.whole("t", 1), .context = {}, .y = {}};
  if (inputs.has("context")) in.context = inputs.real("context", 3);
  if (inputs.has("y")) in.y = inputs.whole("y", 1);
  inputs.check_all_taken();
  if (in.x.size(1) != model.latent().channels) {
    throw UsageError("[probe] x has {} channels, {} takes {}", in.x.size(1), model.name(),
                     model.latent().channels);
  }
  return model.network().forward(in, Step(taps, taps, 0));
}

at::Tensor run_first_stage(const Model& model, Inputs& inputs, Taps& taps) {
  const bool decode = inputs.has("z");
  const auto in = decode ? inputs.real("z", 4) : inputs.real("x", 4);
  inputs.check_all_taken();
  const auto& stage = model.first_stage();
  const int64_t channels = decode ? model.latent().channels : 3;
  if (in.size(1) != channels) {
    throw UsageError("[probe] {} has {} channels, {} takes {}", decode ? "z" : "x", in.size(1),
                     model.name(), channels);
  }
  if (decode) return stage.to_images(in, taps);
  if (in.size(2) % stage.factor() != 0 || in.size(3) % stage.factor() != 0) {
    throw UsageError("[probe] images of {} x {} pixels cannot be divided by {}, the factor of {}",
                     in.size(3), in.size(2), stage.factor(), model.name());
  }
  return stage.to_latents(in, taps);
}

at::Tensor run_text(const Model& model, Inputs& inputs, Taps& taps) {
  const auto tokens = inputs.whole("tokens", 2);
  inputs.check_all_taken();
  const auto* text = dynamic_cast<const Text*>(&model.conditioning());
  if (text == nullptr) throw UsageError("[probe] {} has no text encoder", model.name());
  return text->encoder().forward(tokens, taps);
}

Named run_encoder(const Model& model, Inputs& inputs, Taps& taps) {
  Named given;
  std::vector<std::string> names;
  for (const auto& input : model.encoder().inputs()) {
    names.push_back(input.name);
    if (inputs.has(input.name)) given[input.name] = inputs.of_type(input);
  }
  if (given.empty()) inputs.miss(fmt::format("{}", fmt::join(names, " or ")));
  inputs.check_all_taken();
  return model.encoder().encode(given, Step(taps, taps, 0));
}

Named run(const Model& model, Part part, Inputs& inputs, Taps& taps) {
  switch (part) {
    case Part::network:
      return {{"out", run_network(model, inputs, taps)}};
    case Part::first_stage:
      return {{"out", run_first_stage(model, inputs, taps)}};
    case Part::text:
      return {{"out", run_text(model, inputs, taps)}};
    case Part::encoder:
      return run_encoder(model, inputs, taps);
  }
  throw UsageError("[probe] unknown part");
}

}  // namespace

int probe_command(const ProbeOptions& options) {
  const auto config = compose_program("probe", options.overrides);
  check_keys(config, {"model", "sampler", "weights", "seed"});
  const auto context = make_context(options.common);
  const c10::NoGradGuard no_grad;
  Inputs inputs(options.input, context.device);
  const auto part = choose_part(config.at("model"), inputs);
  const auto model = load_model(only(config, part));
  model->to(context.device);
  Taps taps(options.taps);
  const auto outputs = run(*model, part, inputs, taps);
  taps.check_all_seen();
  std::vector<std::pair<std::string, at::Tensor>> arrays;
  for (const auto& [name, value] : outputs) arrays.emplace_back(name, value.contiguous());
  for (const auto& [name, value] : taps.kept()) arrays.emplace_back(name, value.contiguous());
  write_npz(options.output, arrays);
  if (options.common.json) {
    nlohmann::ordered_json json = {{"model", model->name()}, {"arrays", nlohmann::ordered_json()}};
    for (const auto& [name, value] : arrays) json["arrays"][name] = value.sizes().vec();
    fmt::print("{}\n", json.dump());
  } else {
    for (const auto& [name, value] : arrays) {
      fmt::print("{} [{}] mean {:.6g}, deviation {:.6g}\n", name, fmt::join(value.sizes(), ", "),
                 value.mean().item<double>(), value.std(false).item<double>());
    }
  }
  return 0;
}

}  // namespace cq
