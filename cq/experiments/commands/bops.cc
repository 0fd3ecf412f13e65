#include "cq/experiments/commands/bops.h"

#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "cq/base/error.h"
#include "cq/experiments/commands/bops_costs.h"
#include "cq/experiments/setup/config_checks.h"
#include "cq/experiments/setup/program_config.h"

namespace cq {

namespace {

Counter parse_counter(const std::string& name) {
  if (name == "thop") return Counter::thop;
  if (name == "deepcache") return Counter::deepcache;
  throw UsageError("[bops] unknown counter '{}': thop or deepcache", name);
}

nlohmann::ordered_json layers_json(const StepCount& count) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& layer : count.layers) {
    list.push_back({{"name", layer.name}, {"kind", layer.kind}, {"macs", layer.macs}});
  }
  return list;
}

void print_json(const BopsCosts& c, const BopsOptions& options) {
  nlohmann::ordered_json json;
  json["macs"] = {
      {"full", c.count.full.macs()}, {"cached", c.count.cached.macs()}, {"average", c.average}};
  json["bops"] = c.bops;
  json["parameters"] = c.parameters;
  json["compression"] = c.compression;
  json["attention"] = {{"full", c.count.full.attention}, {"cached", c.count.cached.attention}};
  json["steps"] = {{"all", c.steps}, {"recomputed", c.recomputed}};
  json["counter"] = options.counter;
  if (options.layers) {
    json["layers"] = {{"full", layers_json(c.count.full)}, {"cached", layers_json(c.count.cached)}};
  }
  fmt::print("{}\n", json.dump());
}

void print_step(const char* name, const StepCount& s) {
  fmt::print("{:<8} {:>14.6f} {:>12.6f} {:>12.6f} {:>12.6f} {:>12.6f}\n", name,
             double(s.macs()) / 1e9, double(s.conv) / 1e9, double(s.linear) / 1e9,
             double(s.norm) / 1e9, double(s.attention) / 1e9);
}

void print_text(const BopsCosts& c, const BopsOptions& options) {
  if (options.layers) {
    for (const auto* step : {&c.count.full, &c.count.cached}) {
      fmt::print("{} step\n", step == &c.count.full ? "full" : "cached");
      for (const auto& layer : step->layers) {
        fmt::print("  {:<64} {:<9} {:>16}\n", layer.name, layer.kind, layer.macs);
      }
    }
  }
  fmt::print("G MACs of one call, batch 1 (counter {})\n", options.counter);
  fmt::print("{:<8} {:>14} {:>12} {:>12} {:>12} {:>12}\n", "step", "counted", "conv", "linear",
             "norm", "attention*");
  print_step("full", c.count.full);
  print_step("cached", c.count.cached);
  fmt::print("average  {:>14.6f}  over {} steps, {} recomputed\n", c.average / 1e9, c.steps,
             c.recomputed);
  fmt::print("BOPs {:.4f} T, parameters {}, weights {:.2f} times smaller than float32\n",
             c.bops / 1e12, c.parameters, c.compression);
  fmt::print("* products of attention, not counted\n");
}

}  // namespace

int bops_command(const BopsOptions& options) {
  const Counter counter = parse_counter(options.counter);
  // Counting needs no weights, so it does not ask for a file.
  std::vector<std::string> overrides{"weights=random"};
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  const auto config = compose_program("command", overrides);
  check_keys(config, {"model", "sampler", "cache", "quant", "weights", "seed"});
  const c10::NoGradGuard no_grad;
  const auto costs = count_costs(config, counter);
  if (options.common.json) {
    print_json(costs, options);
  } else {
    print_text(costs, options);
  }
  return 0;
}

}  // namespace cq
