#include "cq/experiments/commands/explain.h"

#include <algorithm>

#include <fmt/format.h>

namespace cq {

namespace {

std::string kind_of(const Unit& unit) {
  if (!unit.is_conv()) return "linear";
  return fmt::format("conv {}x{}", unit.weight.size(2), unit.weight.size(3));
}

}  // namespace

std::string explain(const Network& network, const LayerExecutor& executor) {
  size_t width = 5;
  for (const auto& unit : network.weights().units()) width = std::max(width, unit.name.size());
  for (const auto& unit : network.weights().attentions()) {
    width = std::max(width, unit.name.size());
  }
  std::string text = fmt::format("{:<{}}  {:<9}  runs as\n", "layer", width, "kind");
  for (const auto& unit : network.weights().units()) {
    text += fmt::format("{:<{}}  {:<9}  {}\n", unit.name, width, kind_of(unit),
                        executor.describe(unit));
  }
  for (const auto& unit : network.weights().attentions()) {
    text +=
        fmt::format("{:<{}}  {:<9}  {}\n", unit.name, width, "attention", executor.describe(unit));
  }
  return text;
}

}  // namespace cq
