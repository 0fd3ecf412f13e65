#pragma once
// What an experiment will do: its cells and the stages that they need.
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cq/experiments/harness/cell.h"
#include "cq/experiments/harness/graph.h"

namespace cq {

/// Where an experiment's files lie.
struct ResultsLayout {
  std::filesystem::path results_dir;
  std::string name;

  std::filesystem::path folder() const { return results_dir / name; }
  std::filesystem::path cell(const std::string& cell_name) const {
    return folder() / "cells" / cell_name;
  }
  std::filesystem::path store() const { return results_dir / ".store"; }
};

/// A cell of a plan.
struct PlannedCell {
  std::string name;
  std::string key;
  std::string config_hash;
  std::function<CellConfig()> config;
  std::vector<std::string> overrides;
  std::vector<std::pair<std::string, StageId>> finals;
  std::function<void(CellFolder&)> collect;

  /// Published with this key, whatever the store holds.
  bool is_done(const ResultsLayout& layout) const;
};

/// A look at what is there.
struct PlanState {
  size_t cells_done = 0;
  /// Cells that are not done, in their order.
  std::vector<size_t> pending;
  /// Cells that are done but whose published configuration differs in keys that determine nothing.
  std::vector<size_t> old_config;
  /// For each stage whether it is needed by a pending cell and not complete.
  std::vector<bool> needed;
  /// Stages of pending cells that are complete.
  size_t stages_done = 0;
  size_t stages_needed = 0;
};

struct PlanEstimate {
  /// Absent when some needed stage's kind was never measured and gives no guess.
  std::optional<double> seconds;
  std::optional<int64_t> disk_bytes;
  std::optional<int64_t> memory_bytes;
  /// Kinds without a measurement or a guess.
  std::vector<std::string> unknown_kinds;
};

/// For kinds of stages that the store holds none of.
struct CostGuesses {
  std::map<std::string, LearnedCost> kinds;
  std::optional<int64_t> memory_bytes;
};

class Plan {
 public:
  explicit Plan(ResultsLayout layout) : layout_(std::move(layout)) {}

  void reserve(size_t cells) { cells_.reserve(cells); }

  Graph& graph() { return graph_; }
  const Graph& graph() const { return graph_; }
  const ResultsLayout& layout() const { return layout_; }

  /// Throws UsageError when two cells have equal overrides.
  void add(Cell cell);
  /// Named after all cells are known.
  const std::vector<PlannedCell>& cells();

  PlanState look(const Store& store);
  PlanEstimate estimate(const Store& store, const PlanState& state,
                        const CostGuesses& guesses = {}) const;

  /// The text of plan.json: cells and stages with keys, inputs and parameters, nothing that varies
  /// between runs.
  std::string to_json();

  /// For `--dry-run`: cells, stages by kind, what is done, estimated cost.
  std::string describe(const Store& store, const CostGuesses& guesses = {});
  nlohmann::ordered_json describe_json(const Store& store, const CostGuesses& guesses = {});

  /// Drops what a cell that is done needs no more.
  void forget(size_t cell);

 private:
  void name_cells();
  void mark_needed(const Store& store, StageId id, PlanState& state, std::vector<char>& seen) const;

  ResultsLayout layout_;
  Graph graph_;
  std::vector<PlannedCell> cells_;
  bool named_ = false;
  bool named_before_ = false;
};

}  // namespace cq
