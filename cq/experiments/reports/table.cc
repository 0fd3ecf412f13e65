#include "cq/experiments/reports/table.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/experiments/reports/efficiency.h"
#include "cq/experiments/reports/metric_info.h"
#include "cq/experiments/reports/table_notes.h"
#include "cq/experiments/reports/text.h"

namespace cq::reports {
namespace {

struct CostColumn {
  Column column;
  std::function<Entry(const Row&)> entry;
};

Entry counted(std::optional<double> value, const std::function<std::string(double)>& text) {
  Entry entry;
  entry.value = value;
  if (value) entry.text = text(*value);
  return entry;
}

Entry measured(const std::optional<Range>& range, const std::function<std::string(double)>& text) {
  Entry entry;
  if (!range) return entry;
  entry.value = range->median;
  entry.text = text(range->median);
  if (range->low != range->high) entry.range = text(range->low) + "–" + text(range->high);
  return entry;
}

std::string times(double factor) {
  return fixed(factor, 2) + "×";
}

std::vector<CostColumn> cost_columns() {
  const auto column = [](const char* key, const char* title, const char* hint, int rank,
                         std::optional<bool> higher) {
    return Column{key, title, hint, higher, false, rank};
  };
  return {
      {column("bops", "BOPs",
              "multiply-adds x weight bits x activation bits of one network "
              "evaluation, averaged over the schedule",
              1, false),
       [](const Row& row) { return counted(mean_figure(row, &Efficiency::bops), with_si); }},
      {column("compression", "compr.", "32-bit weights over stored bits of weights", 5, true),
       [](const Row& row) { return counted(mean_figure(row, &Efficiency::compression), times); }},
      {column("estimated_speedup", "speedup est.", "speedup estimated from operation counts", 3,
              true),
       [](const Row& row) {
         return counted(mean_figure(row, &Efficiency::estimated_speedup), times);
       }},
      {column("measured_speedup", "speedup meas.",
              "measured speedup: median, and lowest to highest of the runs", 2, true),
       [](const Row& row) { return measured(merged_range(row, &Efficiency::speedup), times); }},
      {column("seconds_per_image", "time/image",
              "measured time for one image: median, and lowest to highest of the runs", 6, false),
       [](const Row& row) {
         return measured(merged_range(row, &Efficiency::seconds_per_image), seconds_text);
       }},
  };
}

/// One metric's column: protocols numbered over the whole section.
struct MetricColumn {
  std::string name;
  MetricInfo info;
  std::optional<bool> higher;
  std::vector<std::vector<std::string>> protocols;

  size_t protocol_of(const Aggregate& aggregate) const {
    const auto at = std::find(protocols.begin(), protocols.end(), aggregate.protocols);
    return static_cast<size_t>(at - protocols.begin()) + 1;
  }
};

MetricColumn metric_column(const Section& section, const std::string& name) {
  MetricColumn column{name, metric_info(name), higher_is_better(section, name), {}};
  for (const Row& row : section.rows) {
    const Aggregate aggregate = metric_over_seeds(row, name);
    if (!aggregate.value) continue;
    if (column.protocol_of(aggregate) > column.protocols.size())
      column.protocols.push_back(aggregate.protocols);
  }
  return column;
}

Entry metric_entry(const MetricColumn& column, const Row& row) {
  Entry entry;
  const Aggregate aggregate = metric_over_seeds(row, column.name);
  entry.value = aggregate.value;
  if (!aggregate.value) return entry;
  entry.text = fixed(*aggregate.value, column.info.decimals);
  if (aggregate.spread) {
    // At the value's own precision: a spread far below it is rounding, not a figure.
    entry.spread = fmt::format("{:.{}f}", *aggregate.spread, column.info.decimals);
    if (!aggregate.over_seeds) entry.spread = "(" + entry.spread + ")";
  }
  if (column.protocols.size() > 1) entry.protocol = column.protocol_of(aggregate);
  return entry;
}

bool comparable(const Entry& a, const Entry& b) {
  return a.value && b.value && a.protocol == b.protocol;
}

void mark_noise(TableBlock& block, size_t column, double floor) {
  const TableRow* full = nullptr;
  const Entry* above = nullptr;
  for (TableRow& row : block.rows) {
    Entry& entry = row.entries[column];
    if (!full && row.row->keys.full_precision()) full = &row;
    if (full && full != &row && comparable(entry, full->entries[column]))
      entry.near_full = std::abs(*entry.value - *full->entries[column].value) < floor;
    // Next to full precision the first mark says it already.
    if (above && !(full && above == &full->entries[column]) && comparable(entry, *above))
      entry.near_above = std::abs(*entry.value - *above->value) < floor;
    if (entry.value) above = &entry;
  }
}

/// Only where all candidates share one protocol: a best value of incomparable ones is none.
void mark_best(TableBlock& block, size_t column, bool higher) {
  std::vector<Entry*> candidates;
  for (TableRow& row : block.rows)
    if (row.row->keys.cached() && row.row->keys.quantized() && row.entries[column].value)
      candidates.push_back(&row.entries[column]);
  if (candidates.size() < 2) return;
  for (const Entry* entry : candidates)
    if (!comparable(*entry, *candidates.front())) return;
  const auto best =
      std::max_element(candidates.begin(), candidates.end(), [&](const Entry* a, const Entry* b) {
        return (*a->value < *b->value) == higher && *a->value != *b->value;
      });
  for (Entry* entry : candidates) entry->best = entry->text == (*best)->text;
}

void add_footnotes(Table& table) {
  std::map<std::string, size_t> numbers;
  for (TableBlock& block : table.blocks)
    for (TableRow& row : block.rows)
      for (size_t i = 0; i < row.entries.size(); ++i) {
        const std::string reason = missing_reason(*row.row, table.columns[i], row.entries[i]);
        if (reason.empty()) continue;
        const auto [at, is_new] = numbers.emplace(reason, table.footnotes.size() + 1);
        if (is_new) table.footnotes.push_back(reason);
        row.entries[i].footnote = at->second;
      }
}

void fill_blocks(const Section& section, const std::vector<MetricColumn>& metrics,
                 const std::vector<CostColumn>& costs, Table& table) {
  std::set<const Row*> shown;
  for (const Block& block : section.blocks) {
    TableBlock out{block.title(), {}};
    for (const size_t index : block.rows) {
      const Row& row = section.rows[index];
      TableRow line{&row, !shown.insert(&row).second, {}};
      for (const MetricColumn& metric : metrics) line.entries.push_back(metric_entry(metric, row));
      for (const CostColumn& cost : costs) line.entries.push_back(cost.entry(row));
      out.rows.push_back(std::move(line));
    }
    table.blocks.push_back(std::move(out));
  }
}

}  // namespace

std::vector<std::string> metric_names(const Section& section) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const Row& row : section.rows)
    for (const Cell* cell : row.cells) {
      for (const MetricValue& metric : cell->metrics) add(metric.name);
      for (const std::string& name : cell->not_finite) add(name);
    }
  std::stable_sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return metric_info(a).rank < metric_info(b).rank;
  });
  return names;
}

std::map<std::string, NoiseFloor> noise_floors(const Section& section) {
  std::map<std::string, NoiseFloor> floors;
  for (const Row& row : section.rows)
    for (const Cell* cell : row.cells)
      for (const auto& [name, noise] : cell->noise) {
        const auto [at, is_new] = floors.emplace(name, noise);
        if (!is_new && noise.range() > at->second.range()) at->second = noise;
      }
  return floors;
}

std::optional<bool> higher_is_better(const Section& section, const std::string& metric) {
  for (const Row& row : section.rows)
    for (const Cell* cell : row.cells)
      for (const MetricValue& value : cell->metrics)
        if (value.name == metric && value.higher_is_better) return value.higher_is_better;
  return metric_info(metric).higher_is_better;
}

Table build_table(const Section& section) {
  Table table;
  std::vector<MetricColumn> metrics;
  for (const std::string& name : metric_names(section)) {
    metrics.push_back(metric_column(section, name));
    const MetricColumn& metric = metrics.back();
    const int rank = metrics.size() == 1 ? 0 : name == "psnr" ? 4 : 10 + metric.info.rank;
    table.columns.push_back({name, metric.info.title, name, metric.higher, true, rank});
  }
  const std::vector<CostColumn> costs = cost_columns();
  for (const CostColumn& cost : costs) table.columns.push_back(cost.column);
  fill_blocks(section, metrics, costs, table);
  const auto floors = noise_floors(section);
  for (TableBlock& block : table.blocks)
    for (size_t i = 0; i < metrics.size(); ++i) {
      if (const auto floor = floors.find(metrics[i].name); floor != floors.end())
        mark_noise(block, i, floor->second.range());
      if (metrics[i].higher) mark_best(block, i, *metrics[i].higher);
    }
  add_footnotes(table);
  for (const MetricColumn& metric : metrics)
    add_protocol_lines(metric.info.title, metric.protocols, table.protocols);
  table.notes = table_notes(section, table);
  return table;
}

}  // namespace cq::reports
