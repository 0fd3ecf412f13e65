// plan.json and the text of --dry-run.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "cq/base/json.h"
#include "cq/experiments/harness/plan.h"

namespace cq {
namespace {

void append_named_stages(std::string& out, const Graph& graph,
                         const std::vector<std::pair<std::string, StageId>>& stages) {
  out += '{';
  bool first = true;
  for (const auto& [name, id] : stages) {
    if (!first) out += ", ";
    first = false;
    append_json_string(out, name);
    out += fmt::format(R"(: "{}")", graph.at(id).name.text());
  }
  out += '}';
}

std::string format_bytes(double bytes) {
  const char* const units[] = {"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  for (; bytes >= 1000 && unit < 4; ++unit) bytes /= 1000;
  return fmt::format("{:.3g} {}", bytes, units[unit]);
}

std::string describe_estimate(const PlanEstimate& estimate) {
  std::string text = "estimated ";
  if (estimate.seconds) {
    text += format_duration(*estimate.seconds);
  } else {
    text += fmt::format("time unknown (never measured here: {})",
                        fmt::join(estimate.unknown_kinds, ", "));
  }
  if (estimate.disk_bytes) {
    text += fmt::format(", {} on disk", format_bytes(static_cast<double>(*estimate.disk_bytes)));
  }
  if (estimate.memory_bytes) {
    text +=
        fmt::format(", {} of memory", format_bytes(static_cast<double>(*estimate.memory_bytes)));
  }
  return text;
}

struct KindCount {
  size_t all = 0, needed = 0;
};

std::map<std::string, KindCount> count_kinds(const Graph& graph, const PlanState& state) {
  std::map<std::string, KindCount> kinds;
  for (StageId id = 0; id < graph.size(); ++id) {
    auto& count = kinds[graph.at(id).name.kind];
    ++count.all;
    if (state.needed[id]) ++count.needed;
  }
  return kinds;
}

}  // namespace

std::string Plan::to_json() {
  // Written as text because a tree of 10,000 cells costs more than the plan itself.
  std::string out = "{\n\"schema\": 1,\n\"name\": ";
  append_json_string(out, layout_.name);
  out += ",\n\"cells\": [";
  const char* separator = "\n";
  for (const auto& cell : cells()) {
    out += std::exchange(separator, ",\n");
    out += "{\"name\": ";
    append_json_string(out, cell.name);
    out += fmt::format(R"(, "key": "{}", "overrides": [)", cell.key);
    for (size_t i = 0; i < cell.overrides.size(); ++i) {
      if (i > 0) out += ", ";
      append_json_string(out, cell.overrides[i]);
    }
    out += "], \"stages\": ";
    append_named_stages(out, graph_, cell.finals);
    out += '}';
  }
  out += "\n],\n\"stages\": [";
  separator = "\n";
  for (const auto& stage : graph_.nodes()) {
    out += std::exchange(separator, ",\n");
    out +=
        fmt::format(R"({{"id": "{}", "version": {}, "inputs": )", stage.name.text(), stage.version);
    append_named_stages(out, graph_, stage.inputs);
    out += ", \"params\": " + stage.params_text() + "}";
  }
  out += "\n]\n}\n";
  return out;
}

std::string Plan::describe(const Store& store, const CostGuesses& guesses) {
  const PlanState state = look(store);
  const auto& all = cells();
  std::string text = fmt::format("{}: {} cells, {} done, {} to do\n", layout_.name, all.size(),
                                 state.cells_done, state.pending.size());
  for (const size_t index : state.pending) {
    size_t missing = 0;
    for (const auto& [name, id] : all[index].finals) missing += state.needed[id] ? 1 : 0;
    text += fmt::format("  {}{}\n", all[index].name,
                        missing == 0 ? "  (stages complete, results to collect)" : "");
  }
  text += fmt::format("stages to compute: {}\n", state.stages_needed);
  for (const auto& [kind, count] : count_kinds(graph_, state)) {
    text += fmt::format("  {:<24} {:>6} of {}\n", kind, count.needed, count.all);
  }
  return text + describe_estimate(estimate(store, state, guesses)) + "\n";
}

nlohmann::ordered_json Plan::describe_json(const Store& store, const CostGuesses& guesses) {
  const PlanState state = look(store);
  nlohmann::ordered_json json{{"name", layout_.name},
                              {"cells", cells().size()},
                              {"done", state.cells_done},
                              {"pending", nlohmann::ordered_json::array()},
                              {"stages", nlohmann::ordered_json::object()},
                              {"estimate", nlohmann::ordered_json::object()}};
  for (const size_t index : state.pending) json["pending"].push_back(cells_[index].name);
  for (const auto& [kind, count] : count_kinds(graph_, state)) {
    json["stages"][kind] = {{"all", count.all}, {"needed", count.needed}};
  }
  const PlanEstimate cost = estimate(store, state, guesses);
  if (cost.seconds) json["estimate"]["seconds"] = *cost.seconds;
  if (cost.disk_bytes) json["estimate"]["disk_bytes"] = *cost.disk_bytes;
  if (cost.memory_bytes) json["estimate"]["memory_bytes"] = *cost.memory_bytes;
  return json;
}

}  // namespace cq
