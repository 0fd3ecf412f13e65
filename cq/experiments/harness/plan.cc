#include "cq/experiments/harness/plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "cq/base/error.h"
#include "cq/base/hash.h"
#include "cq/base/json.h"

namespace cq {
namespace {

std::string cell_key(const Cell& cell, const Graph& graph) {
  nlohmann::json stages = nlohmann::json::object();
  for (const auto& [name, id] : cell.finals) stages[name] = graph.at(id).name.text();
  return sha256(fmt::format(R"({{"params":{},"stages":{},"version":{}}})",
                            canonical_json(cell.collect_params), canonical_json(stages),
                            cell.collect_version));
}

std::string hash_of(const CellConfig& config) {
  return sha256(canonical_json(config.json) + '\n' + config.yaml).substr(0, 12);
}

}  // namespace

bool PlannedCell::is_done(const ResultsLayout& layout) const {
  const auto published = read_published(layout.cell(name));
  return published && published->key == key;
}

void Plan::add(Cell cell) {
  named_ = false;
  PlannedCell planned;
  planned.key = cell_key(cell, graph_);
  planned.config_hash = cell.config_hash.empty() ? hash_of(cell.config()) : cell.config_hash;
  planned.config = std::move(cell.config);
  planned.name = std::move(cell.name);
  named_before_ = named_before_ || !planned.name.empty();
  planned.overrides = std::move(cell.overrides);
  planned.finals = std::move(cell.finals);
  planned.finals.shrink_to_fit();
  planned.collect = std::move(cell.collect);
  cells_.push_back(std::move(planned));
}

const std::vector<PlannedCell>& Plan::cells() {
  if (!named_) name_cells();
  return cells_;
}

void Plan::name_cells() {
  if (!named_before_) {
    std::vector<std::vector<std::string>> overrides;
    overrides.reserve(cells_.size());
    for (auto& cell : cells_) overrides.push_back(std::move(cell.overrides));
    auto names = cell_names(overrides);
    for (size_t i = 0; i < cells_.size(); ++i) {
      cells_[i].overrides = std::move(overrides[i]);
      cells_[i].name = std::move(names[i]);
      cells_[i].name.shrink_to_fit();
    }
  }
  std::set<std::string_view> seen;
  for (const auto& cell : cells_) {
    if (!seen.insert(cell.name).second) {
      throw UsageError("the sweep has the cell '{}' twice ({}): drop the repeated value", cell.name,
                       fmt::join(cell.overrides, " "));
    }
  }
  named_ = true;
}

void Plan::mark_needed(const Store& store, StageId id, PlanState& state,
                       std::vector<char>& seen) const {
  if (seen[id]) return;
  seen[id] = 1;
  const StageNode& stage = graph_.at(id);
  if (store.complete(stage.name)) {
    ++state.stages_done;
    return;
  }
  ++state.stages_needed;
  state.needed[id] = true;
  for (const auto& [name, input] : stage.inputs) mark_needed(store, input, state, seen);
}

PlanState Plan::look(const Store& store) {
  PlanState state;
  state.needed.assign(graph_.size(), false);
  std::vector<char> seen(graph_.size(), 0);
  const auto& all = cells();
  for (size_t i = 0; i < all.size(); ++i) {
    const auto published = read_published(layout_.cell(all[i].name));
    if (published && published->key == all[i].key) {
      ++state.cells_done;
      if (published->config_hash != all[i].config_hash) state.old_config.push_back(i);
      continue;
    }
    state.pending.push_back(i);
    for (const auto& [name, id] : all[i].finals) mark_needed(store, id, state, seen);
  }
  return state;
}

PlanEstimate Plan::estimate(const Store& store, const PlanState& state,
                            const CostGuesses& guesses) const {
  std::map<std::string, std::optional<LearnedCost>> learned;
  std::set<std::string> unknown;
  double seconds = 0;
  double disk = 0;
  bool disk_known = true;
  PlanEstimate result;
  if (state.stages_needed > 0) result.memory_bytes = guesses.memory_bytes;
  for (StageId id = 0; id < graph_.size(); ++id) {
    if (!state.needed[id]) continue;
    const StageNode& stage = graph_.at(id);
    const auto [it, fresh] = learned.try_emplace(stage.name.kind);
    if (fresh) {
      it->second = store.learned_cost(stage.name.kind);
      const auto guess = guesses.kinds.find(stage.name.kind);
      if (!it->second && guess != guesses.kinds.end()) it->second = guess->second;
    }
    const auto& measured = it->second;
    if (measured) {
      seconds += measured->seconds_per_weight * stage.cost.weight;
      disk += measured->bytes_per_weight * stage.cost.weight;
    } else {
      if (!stage.cost.seconds) unknown.insert(stage.name.kind);
      seconds += stage.cost.seconds.value_or(0);
      disk_known = disk_known && stage.cost.disk_bytes;
      disk += static_cast<double>(stage.cost.disk_bytes.value_or(0));
    }
    if (stage.cost.memory_bytes) {
      result.memory_bytes = std::max(result.memory_bytes.value_or(0), *stage.cost.memory_bytes);
    }
  }
  result.unknown_kinds.assign(unknown.begin(), unknown.end());
  if (unknown.empty()) result.seconds = seconds;
  if (disk_known) result.disk_bytes = static_cast<int64_t>(disk);
  return result;
}

void Plan::forget(size_t index) {
  PlannedCell& cell = cells_.at(index);
  cell.config = nullptr;
  cell.collect = nullptr;
  cell.overrides = {};
}

}  // namespace cq
