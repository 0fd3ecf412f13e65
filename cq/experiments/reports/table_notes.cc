#include "cq/experiments/reports/table_notes.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/experiments/reports/metric_info.h"
#include "cq/experiments/reports/text.h"

namespace cq::reports {
namespace {

bool holds(const Cell& cell, const Column& column) {
  if (!column.metric) return cell.efficiency.has_value();
  return std::any_of(cell.metrics.begin(), cell.metrics.end(),
                     [&](const MetricValue& value) { return value.name == column.key; });
}

std::string cell_reason(const Cell& cell, const Column& column) {
  if (!cell.missing.empty()) return cell.missing;
  if (!column.metric) return cell.efficiency ? "not measured" : "no efficiency.json in the cell";
  if (const auto at = cell.left_out.find(column.key); at != cell.left_out.end()) return at->second;
  const auto& bad = cell.not_finite;
  if (std::find(bad.begin(), bad.end(), column.key) != bad.end()) return "not a finite number";
  if (metric_info(column.key).paired && cell.keys.full_precision())
    return "compares with full precision itself";
  return "not among the cell's metrics";
}

bool any_entry(const Table& table, bool Entry::*mark) {
  for (const TableBlock& block : table.blocks)
    for (const TableRow& row : block.rows)
      for (const Entry& entry : row.entries)
        if (entry.*mark) return true;
  return false;
}

void add_seed_notes(const Section& section, std::vector<std::string>& notes) {
  size_t most = 0;
  bool own = false;
  for (const Row& row : section.rows) {
    most = std::max(most, row.cells.size());
    if (row.cells.size() == 1)
      for (const MetricValue& value : row.cells.front()->metrics) own |= value.spread.has_value();
  }
  if (most > 1)
    notes.push_back(
        fmt::format("x ± s: mean and standard deviation (n - 1) over up to {} seeds.", most));
  if (own)
    notes.push_back("x ± (s): one seed; s is the metric's own uncertainty (splits or subsets).");
}

void add_noise_notes(const Section& section, const Table& table, std::vector<std::string>& notes) {
  const auto floors = noise_floors(section);
  if (floors.empty()) {
    notes.push_back("No noise floor is stored: differences are not marked.");
    return;
  }
  std::vector<std::string> parts;
  for (const Column& column : table.columns)
    if (const auto floor = floors.find(column.key); floor != floors.end())
      parts.push_back(fmt::format("{} {} ({} to {}, {} halves)", column.title,
                                  fixed(floor->second.range(), metric_info(column.key).decimals),
                                  fixed(floor->second.low, metric_info(column.key).decimals),
                                  fixed(floor->second.high, metric_info(column.key).decimals),
                                  floor->second.halves));
  notes.push_back(fmt::format(
      "Noise floor, the range over independent halves of the full-precision images: {}.",
      fmt::join(parts, "; ")));
  if (any_entry(table, &Entry::near_full))
    notes.push_back("†: differs from full precision by less than the noise floor.");
  if (any_entry(table, &Entry::near_above))
    notes.push_back("‡: differs from the row above by less than the noise floor.");
}

void add_weights_note(const Section& section, std::vector<std::string>& notes) {
  for (const Row& row : section.rows)
    for (const Cell* cell : row.cells)
      if (cell->config.is_object() && cell->config.value("weights", "") == "random") {
        notes.push_back(
            "Random weights: schedules and their costs are those of random features, and figures "
            "of images mean nothing; BOPs, compression and measured speed depend on no weights.");
        return;
      }
}

void add_measurement_notes(const Section& section, std::vector<std::string>& notes) {
  std::set<std::string> lines;
  bool simulated = false;
  for (const Row& row : section.rows)
    for (const Cell* cell : row.cells) {
      if (!cell->efficiency || !cell->efficiency->speedup) continue;
      const Efficiency& efficiency = *cell->efficiency;
      simulated |= cell->keys.quantized() && cell->keys.execution == "simulated";
      lines.insert(fmt::format("{} runs, {} threads, {}; speedup against {}", efficiency.runs,
                               efficiency.threads,
                               efficiency.device.empty() ? "unknown processor" : efficiency.device,
                               efficiency.peer.empty() ? "an unnamed peer" : efficiency.peer));
    }
  for (const std::string& line : lines) notes.push_back("Measured: " + line + ".");
  if (lines.size() > 1)
    notes.push_back("Warning: measured under different conditions, times do not compare.");
  if (simulated)
    notes.push_back(
        "Quantized rows ran simulated: their measured time is that of floating-point "
        "arithmetic that imitates integers, no measure of integer speed.");
}

}  // namespace

std::string missing_reason(const Row& row, const Column& column, const Entry& entry) {
  std::map<std::string, std::vector<std::string>> reasons;
  size_t there = 0;
  for (const Cell* cell : row.cells) {
    if (holds(*cell, column)) {
      ++there;
      if (entry.value) continue;
    }
    reasons[cell_reason(*cell, column)].push_back(cell->keys.seed ? std::to_string(*cell->keys.seed)
                                                                  : "?");
  }
  if (reasons.empty()) return "";
  if (there > 0 && entry.value) {
    std::vector<std::string> parts;
    parts.reserve(reasons.size());
    for (const auto& [reason, seeds] : reasons)
      parts.push_back(fmt::format("seed {}: {}", fmt::join(seeds, ", "), reason));
    return fmt::format("{} of {} seeds; {}", there, row.cells.size(), fmt::join(parts, "; "));
  }
  std::vector<std::string> parts;
  parts.reserve(reasons.size());
  for (const auto& [reason, seeds] : reasons) parts.push_back(reason);
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string protocol_text(const std::vector<std::string>& protocols) {
  std::vector<std::string> keys;
  std::map<std::string, std::vector<std::string>> values;
  for (const std::string& protocol : protocols)
    for (const auto& [key, value] : flattened(Json::parse(protocol))) {
      auto& seen = values[key];
      if (seen.empty()) keys.push_back(key);
      if (std::find(seen.begin(), seen.end(), value) == seen.end()) seen.push_back(value);
    }
  std::vector<std::string> parts;
  parts.reserve(keys.size());
  for (const std::string& key : keys)
    parts.push_back(key.empty() ? fmt::format("{}", fmt::join(values[key], " | "))
                                : fmt::format("{}: {}", key, fmt::join(values[key], " | ")));
  return fmt::format("{}", fmt::join(parts, ", "));
}

void add_protocol_lines(const std::string& title,
                        const std::vector<std::vector<std::string>>& protocols,
                        std::vector<std::string>& lines) {
  for (size_t i = 0; i < protocols.size(); ++i)
    lines.push_back(protocols.size() == 1
                        ? fmt::format("{}: {}", title, protocol_text(protocols[i]))
                        : fmt::format("{} [P{}]: {}", title, i + 1, protocol_text(protocols[i])));
  if (protocols.size() > 1)
    lines.push_back(
        fmt::format("Warning: {} was taken under {} protocols; values marked "
                    "differently do not compare.",
                    title, protocols.size()));
}

std::vector<std::string> table_notes(const Section& section, const Table& table) {
  std::vector<std::string> notes;
  add_seed_notes(section, notes);
  add_noise_notes(section, table, notes);
  if (any_entry(table, &Entry::best))
    notes.push_back("Bold: best of the block's rows that combine caching and quantization.");
  add_weights_note(section, notes);
  add_measurement_notes(section, notes);
  return notes;
}

}  // namespace cq::reports
