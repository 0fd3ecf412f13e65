#pragma once
// Cells into the rows and blocks of the paper's ablation table.
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "cq/experiments/reports/results.h"

namespace cq::reports {

/// Cells that differ in nothing but their seed.
struct Row {
  std::string label;
  int rank = 0;  ///< place among the known rows; unknown combinations come after them
  CellConfig keys;
  Json config;                     ///< what its cells share
  std::vector<const Cell*> cells;  ///< by seed
};

/// A metric over a row's seeds.
struct Aggregate {
  std::optional<double> value;   ///< mean
  std::optional<double> spread;  ///< standard deviation over seeds, or the metric's own with one
  bool over_seeds = false;
  size_t seeds = 0;
  std::vector<std::string> protocols;  ///< distinct, sorted
};
Aggregate metric_over_seeds(const Row& row, const std::string& metric);

/// One (N, bit width). Rows without a cache, and rows without quantization, stand in every block
/// that they are a baseline for.
struct Block {
  std::optional<int64_t> interval, weight_bits, act_bits;
  std::vector<size_t> rows;
  std::string title() const;
};

/// What one model and sampler gave: rows of different sections are never compared.
struct Section {
  std::string title;
  std::vector<Row> rows;
  std::vector<Block> blocks;
};

std::vector<Section> build_sections(const Experiment& experiment);

/// The paper's name of a combination of methods, or the methods' own names, and its place.
std::pair<std::string, int> combination_label(const CellConfig& keys);

/// {"a": {"b": 1}} -> {"a.b", 1}, lists kept as values.
std::vector<std::pair<std::string, std::string>> flattened(const Json& config);

}  // namespace cq::reports
