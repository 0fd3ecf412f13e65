#include "cq/experiments/setup/load_model.h"

#include <cmath>

#include "cq/base/error.h"
#include "cq/base/log.h"
#include "cq/config/naming.h"
#include "cq/experiments/setup/config_checks.h"
#include "cq/experiments/setup/program_files.h"
#include "cq/experiments/setup/prompts.h"

namespace cq {

namespace {

/// What a model's own defaults for sampling may hold; the sampler groups refer to them.
struct SamplingDefaults {
  int64_t steps = 50;
  double guidance = 1;
  std::string spacing = "ldm";
};

const config::Params<SamplingDefaults>& sampling_defaults() {
  using P = SamplingDefaults;
  static const auto params =
      config::Params<P>()
          .field("steps", &P::steps, "denoising steps of the model's samplers", {1, 1000}, "steps")
          .field("guidance", &P::guidance, "classifier-free guidance of the model", {0, 100})
          .field("spacing", &P::spacing, "timesteps of DDIM, see its parameters");
  return params;
}

void check_model(const config::Node& model) {
  check_keys(model, {"name", "doc", "network", "diffusion", "latent", "conditioning", "first_stage",
                     "encoder", "guidance", "output", "weights", "ema", "sampling"});
  if (const auto* sampling = model.get(std::string_view("sampling")))
    sampling_defaults().parse(*sampling);
}

std::unique_ptr<Model> with_prompts(std::unique_ptr<Model> model, const config::Node& config) {
  set_prompts(*model, read_prompts_of(config, *model));
  return model;
}

/// `model.ema`, whose on and off are booleans in a YAML file unless they are quoted.
std::string averages_of(const config::Node& model) {
  const auto* ema = model.get(std::string_view("ema"));
  if (ema == nullptr) return "auto";
  if (ema->is_bool()) return ema->as_bool() ? "on" : "off";
  return ema->as_string();
}

}  // namespace

std::unique_ptr<Model> load_model(const config::Node& config, InitMode mode) {
  const auto& model = config.at("model");
  check_model(model);
  const auto seed = uint64_t(config.at("seed").as_int());
  if (mode != InitMode::random) {
    auto shapes = std::make_unique<Model>(model, nullptr, mode, seed);
    read_prompts_of(config, *shapes);
    return shapes;
  }
  const std::string weights = config.at("weights").as_string();
  if (weights == "random") {
    log_info("{}: random weights, seed {}", model.at("name").as_string(), seed);
    return with_prompts(std::make_unique<Model>(model, nullptr, mode, seed), config);
  }
  const auto file = find_data_file(weights);
  log_info("{}: weights from {}", model.at("name").as_string(), file.string());
  const auto source = choose_averages(open_weights(file), averages_of(model));
  return with_prompts(std::make_unique<Model>(model, source, mode, seed), config);
}

SamplerChoice make_sampler(const config::Node& sampler, const Diffusion& diffusion) {
  SamplerChoice choice;
  const auto& guidance = sampler.at("guidance");
  choice.guidance = guidance.as_double();
  if (!std::isfinite(choice.guidance) || choice.guidance < 0) {
    throw UsageError("{}guidance must be a finite number from 0 on, got {}", guidance.where(),
                     choice.guidance);
  }
  config::Node rest = sampler;
  rest.erase(config::Key("guidance"));
  choice.sampler = config::naming(sampler, [&] {
    return sampler_registry().make(sampler.at("name").as_string(), rest, diffusion);
  });
  return choice;
}

}  // namespace cq
