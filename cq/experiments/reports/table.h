#pragma once
// The ablation table, apart from any format.
#include <optional>
#include <string>
#include <vector>

#include "cq/experiments/reports/rows.h"

namespace cq::reports {

struct Column {
  std::string key, title, hint;
  std::optional<bool> higher_is_better;
  bool metric = false;
  int rank = 0;  ///< the last ones are dropped first where there is no room
};

struct Entry {
  std::optional<double> value;  ///< what the page sorts by; absent = a dash
  std::string text, spread, range;
  bool best = false;        ///< among the rows that combine cache and quantization
  bool near_full = false;   ///< differs from full precision by less than the noise floor
  bool near_above = false;  ///< differs from the row above by less than the noise floor
  size_t protocol = 0;      ///< 1.. where the column holds several protocols
  size_t footnote = 0;      ///< 1.. into Table::footnotes
};

struct TableRow {
  const Row* row = nullptr;
  bool repeated = false;  ///< a baseline that an earlier block shows as well
  std::vector<Entry> entries;
};

struct TableBlock {
  std::string title;
  std::vector<TableRow> rows;
};

struct Table {
  std::vector<Column> columns;
  std::vector<TableBlock> blocks;
  std::vector<std::string> footnotes;  ///< why something is missing
  std::vector<std::string> protocols;  ///< one line a metric and protocol
  std::vector<std::string> notes;      ///< what marks and spreads mean, noise floors
};

/// `section` must outlive the table.
Table build_table(const Section& section);

/// Names of all metrics in the section, in column order.
std::vector<std::string> metric_names(const Section& section);

/// Widest range of each metric over halves of the full-precision images.
std::map<std::string, NoiseFloor> noise_floors(const Section& section);

/// As the metric's file says, else by its name.
std::optional<bool> higher_is_better(const Section& section, const std::string& metric);

/// "a: 1, b: x | y": the distinct protocols of one figure in one line.
std::string protocol_text(const std::vector<std::string>& protocols);

}  // namespace cq::reports
