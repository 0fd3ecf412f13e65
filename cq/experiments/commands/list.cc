#include "cq/experiments/commands/list.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/config/nearest.h"
#include "cq/experiments/commands/common_model.h"
#include "cq/experiments/launchers/launcher.h"
#include "cq/methods/cache/schedules.h"
#include "cq/methods/register.h"
#include "cq/metrics/register.h"

namespace cq {

namespace {

using config::RegistryEntry;
using Json = nlohmann::ordered_json;

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

/// The configs of the group `model`, each built without values.
std::vector<RegistryEntry> models() {
  std::vector<RegistryEntry> entries;
  for (const auto& file : std::filesystem::directory_iterator(config_folder() / "model")) {
    if (file.path().extension() != ".yaml") continue;
    const std::string name = file.path().stem().string();
    const auto config = compose_program("probe", {"model=" + name, "weights=random"});
    const auto model = load_model(config, InitMode::shapes);
    RegistryEntry entry;
    entry.name = name;
    entry.doc = describe(config, *model);
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

struct Kind {
  std::string name;
  std::function<std::vector<RegistryEntry>()> entries;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"models", models},
      {"networks", [] { return network_registry().entries(); }},
      {"conditionings", [] { return conditioning_registry().entries(); }},
      {"first-stages", [] { return first_stage_registry().entries(); }},
      {"samplers", [] { return sampler_registry().entries(); }},
      {"methods", [] { return cache_registry().entries(); }},
      {"schedules", [] { return schedule_registry().entries(); }},
      {"launchers", [] { return launcher_registry().entries(); }},
      {"metrics", [] { return metric_registry().entries(); }},
  };
  return all;
}

std::vector<RegistryEntry> entries_of(const Kind& kind, const std::string& name) {
  auto entries = kind.entries();
  if (name.empty()) return entries;
  std::vector<std::string> names;
  for (auto& entry : entries) {
    if (entry.name == name) return {std::move(entry)};
    names.push_back(entry.name);
  }
  throw UsageError("[list] no '{}' in {}{} (known: {})", name, kind.name,
                   config::did_you_mean(name, names), fmt::join(names, ", "));
}

Json to_json(const RegistryEntry& entry) {
  Json json = {{"name", entry.name}, {"doc", entry.doc}, {"source", entry.source}};
  json["params"] = Json::array();
  for (const auto& param : entry.params) {
    Json one = {{"name", param.name},
                {"type", param.type},
                {"default", param.default_value},
                {"bounds", param.bounds_text()},
                {"unit", param.unit},
                {"doc", param.doc}};
    if (!param.source.empty()) one["source"] = param.source;
    json["params"].push_back(std::move(one));
  }
  return json;
}

void print(const RegistryEntry& entry) {
  fmt::print("{:<18} {}\n", entry.name, entry.doc);
  if (!entry.source.empty()) fmt::print("{:<18} {}\n", "", entry.source);
  for (const auto& param : entry.params) {
    std::string about = fmt::format("{} = {}", param.type, param.default_value);
    if (const auto bounds = param.bounds_text(); !bounds.empty()) about += ", " + bounds;
    if (!param.unit.empty()) about += " " + param.unit;
    fmt::print("    {:<24} {:<40} {}\n", param.name, about, param.doc);
  }
}

std::vector<Kind> chosen(const std::string& name) {
  if (name.empty()) return kinds();
  std::vector<std::string> names;
  for (const auto& kind : kinds()) {
    if (kind.name == name) return {kind};
    names.push_back(kind.name);
  }
  throw UsageError("[list] unknown kind '{}'{} (known: {})", name,
                   config::did_you_mean(name, names), fmt::join(names, ", "));
}

}  // namespace

int list_command(const ListOptions& options) {
  Json all;
  for (const auto& kind : chosen(options.kind)) {
    const auto entries = entries_of(kind, options.name);
    if (options.common.json) {
      auto& list = all[kind.name] = Json::array();
      for (const auto& entry : entries) list.push_back(to_json(entry));
      continue;
    }
    if (options.kind.empty()) {
      std::vector<std::string> names;
      for (const auto& entry : entries) names.push_back(entry.name);
      fmt::print("{:<10} {}\n", kind.name, fmt::join(names, ", "));
    } else {
      for (const auto& entry : entries) print(entry);
    }
  }
  if (options.common.json) fmt::print("{}\n", all.dump());
  return 0;
}

}  // namespace cq
