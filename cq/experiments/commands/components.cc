#include "cq/experiments/commands/components.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/config/emit.h"
#include "cq/config/nearest.h"
#include "cq/config/yaml_reader.h"
#include "cq/core/quant/simulated.h"
#include "cq/experiments/launchers/launcher.h"
#include "cq/experiments/pipeline/spec.h"
#include "cq/experiments/setup/load_model.h"
#include "cq/experiments/setup/program_config.h"
#include "cq/experiments/setup/program_files.h"
#include "cq/experiments/training/parameters.h"
#include "cq/methods/cache/schedules.h"
#include "cq/methods/register.h"
#include "cq/metrics/register.h"

namespace cq {

namespace {

using config::RegistryEntry;
using Entries = std::vector<RegistryEntry>;

std::string describe(const config::Node& config, const Model& model) {
  const auto parts = fmt::format("{} parameters", model.parameter_count());
  if (!model.has_network()) return fmt::format("a part alone, {}", parts);
  const auto& latent = model.latent();
  const auto classes = model.conditioning().has_classes()
                           ? fmt::format(", {} classes", model.classes())
                           : std::string();
  return fmt::format("{}, {}, latent {} x {} x {}{}; points {}",
                     config.at("model").at("network").at("name").as_string(), parts,
                     latent.channels, latent.size, latent.size, classes,
                     fmt::join(model.network().points(), " "));
}

std::vector<std::string> options_of(const std::string& group) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(config_folder() / group)) {
    if (file.path().extension() == ".yaml") names.push_back(file.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The configs of the group `model`, each built without values.
Entries models() {
  Entries entries;
  for (const std::string& name : options_of("model")) {
    const auto config = compose_program("probe", {"model=" + name, "weights=random"});
    entries.push_back({name, describe(config, *load_model(config, InitMode::shapes)), "", {}});
  }
  return entries;
}

/// The configs of the group `quant`, with what each sets as its defaults.
Entries quantizers() {
  Entries entries;
  for (const std::string& name : options_of("quant")) {
    const auto file = config_folder() / "quant" / (name + ".yaml");
    const auto config = config::read_yaml(config::read_yaml_text(file), file.string());
    RegistryEntry entry{name, "", "", quant_parameters().describe()};
    for (auto& param : entry.params) {
      const auto* value = config.get(std::string_view(param.name));
      if (value != nullptr) param.default_value = config::to_flow(*value);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

/// Groups of keys that belong to no component; "run" are those at the top.
Entries settings() {
  return {
      {"run", "keys of every experiment", "", run_parameters().describe()},
      {"calibration", "runs that corrections are estimated from", "",
       calibration_parameters().describe()},
      {"record", "features that are kept as a trajectory file", "", record_parameters().describe()},
      {"measure", "how time is measured", "", measure_parameters().describe()},
      {"data", "what images are compared with", "", reference_parameters().describe()},
  };
}

Entries training() {
  return {
      {"data", "where the images are", "", data_parameters().describe()},
      {"training", "the loop", "", training_parameters().describe()},
      {"optimizer", "the update rule", "", optimizer_parameters().describe()},
      {"denoiser", "task of a denoiser", "", denoiser_task_parameters().describe()},
      {"autoencoder", "task of a KL autoencoder", "", kl_task_parameters().describe()},
      {"augment", "task of a classifier", "", classifier_task_parameters().describe()},
  };
}

}  // namespace

const std::vector<ComponentKind>& component_kinds() {
  static const std::vector<ComponentKind> all{
      {"models", "networks with their parts, the group `model`", "", models},
      {"networks", "denoising networks", "model.network",
       [] { return network_registry().entries(); }},
      {"conditionings", "how classes and text enter a network", "model.conditioning",
       [] { return conditioning_registry().entries(); }},
      {"first-stages", "between images and latents", "model.first_stage",
       [] { return first_stage_registry().entries(); }},
      {"samplers", "from noise to images", "sampler", [] { return sampler_registry().entries(); }},
      {"methods", "feature caching", "cache", [] { return cache_registry().entries(); }},
      {"correctors", "error correction of cached features", "correct",
       [] { return corrector_registry().entries(); }},
      {"quantizers", "the group `quant`", "quant", quantizers},
      {"schedules", "`cq-exp schedule --method`", "", [] { return schedule_registry().entries(); }},
      {"launchers", "where cells are computed", "launcher",
       [] { return launcher_registry().entries(); }},
      {"metrics", "`metrics` of an experiment", "", [] { return metric_registry().entries(); }},
      {"settings", "keys of `cq-exp run` beside the components", "", settings},
      {"training", "keys of `cq-exp train`", "", training},
  };
  return all;
}

const ComponentKind& component_kind(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& kind : component_kinds()) {
    if (kind.name == name) return kind;
    names.push_back(kind.name);
  }
  throw UsageError("[list] unknown kind '{}'{} (known: {})", name,
                   config::did_you_mean(name, names), fmt::join(names, ", "));
}

std::vector<config::ParamInfo> parameters_at(const std::string& key, const std::string& chosen) {
  for (const auto& kind : component_kinds()) {
    if (kind.key != key || key.empty()) continue;
    for (auto& entry : kind.entries()) {
      if (entry.name == chosen || kind.name == "quantizers") return std::move(entry.params);
    }
    return {};
  }
  for (auto& entry : settings()) {
    if (entry.name == (key.empty() ? "run" : key)) return std::move(entry.params);
  }
  for (auto& entry : training()) {
    if (entry.name == key) return std::move(entry.params);
  }
  return {};
}

}  // namespace cq
