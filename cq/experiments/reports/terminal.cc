#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/experiments/reports/text.h"
#include "cq/experiments/reports/writers.h"

namespace cq::reports {
namespace {

constexpr size_t gap = 2, widest_label = 34;

/// Ranges are left to the other formats: a terminal line has no room for them.
std::string entry_text(const Entry& entry) {
  std::string text = entry.value ? entry.text : "—";
  if (entry.value && !entry.spread.empty()) text += "±" + entry.spread;
  if (entry.near_full) text += "†";
  if (entry.near_above) text += "‡";
  if (entry.best) text += "*";
  if (entry.protocol) text += fmt::format("[P{}]", entry.protocol);
  if (entry.footnote) text += fmt::format("[{}]", entry.footnote);
  return text;
}

std::string header_text(const Column& column) {
  if (!column.higher_is_better) return column.title;
  return column.title + (*column.higher_is_better ? "↑" : "↓");
}

size_t column_width(const Table& table, size_t index) {
  size_t width = display_width(header_text(table.columns[index]));
  for (const TableBlock& block : table.blocks)
    for (const TableRow& row : block.rows)
      width = std::max(width, display_width(entry_text(row.entries[index])));
  return width;
}

std::string padded_left(const std::string& text, size_t width) {
  const size_t used = display_width(text);
  return std::string(width > used ? width - used : 0, ' ') + text;
}

/// The most important columns that fit, in the table's order.
std::vector<size_t> fitting_columns(const Table& table, size_t room) {
  std::vector<size_t> order(table.columns.size()), kept;
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return table.columns[a].rank < table.columns[b].rank;
  });
  for (const size_t index : order) {
    const size_t need = column_width(table, index) + gap;
    if (need > room) continue;
    room -= need;
    kept.push_back(index);
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

/// Breaks at spaces; a longer word keeps a line of its own and is cut.
void append_wrapped(const std::string& text, size_t width, std::string& out) {
  std::string line;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = shortened(text.substr(at, end - at), width - 2);
    if (!line.empty() && display_width(line) + 1 + display_width(word) > width) {
      out += line + "\n";
      line = "  ";
    }
    line += (line.empty() || line == "  " ? "" : " ") + word;
    at = end + 1;
  }
  if (!line.empty()) out += line + "\n";
}

}  // namespace

std::string terminal_section(const SectionReport& section, size_t width) {
  const Table& table = section.table;
  size_t label_width = 0;
  for (const TableBlock& block : table.blocks) {
    label_width = std::max(label_width, display_width(block.title));
    for (const TableRow& row : block.rows)
      label_width = std::max(label_width, display_width(row.row->label) + 2);
  }
  label_width = std::min(label_width, std::min(widest_label, width / 3));
  const std::vector<size_t> columns = fitting_columns(table, width - label_width);

  std::string out = shortened(section.title, width) + "\n";
  std::string line(label_width, ' ');
  for (const size_t i : columns)
    line +=
        std::string(gap, ' ') + padded_left(header_text(table.columns[i]), column_width(table, i));
  const size_t total = display_width(line);
  out += line + "\n";
  for (const TableBlock& block : table.blocks) {
    const std::string title = shortened(block.title, label_width);
    out += title + " ";
    for (size_t i = display_width(title) + 1; i < total; ++i) out += "─";
    out += "\n";
    for (const TableRow& row : block.rows) {
      line = "  " + shortened(row.row->label, label_width - 2);
      line += std::string(label_width - display_width(line), ' ');
      for (const size_t i : columns)
        line +=
            std::string(gap, ' ') + padded_left(entry_text(row.entries[i]), column_width(table, i));
      out += line + "\n";
    }
  }
  for (const std::string& text : lines_under(table))
    append_wrapped(text.starts_with("Bold:") ? "*:" + text.substr(5) : text, width, out);
  std::vector<std::string> dropped;
  for (size_t i = 0; i < table.columns.size(); ++i)
    if (!std::binary_search(columns.begin(), columns.end(), i))
      dropped.push_back(table.columns[i].title);
  if (!dropped.empty())
    append_wrapped(
        fmt::format("No room here for {}: see the report's files.", fmt::join(dropped, ", ")),
        width, out);
  return out;
}

}  // namespace cq::reports
