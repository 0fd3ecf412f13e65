#include <fmt/format.h>

#include "cq/experiments/reports/text.h"
#include "cq/experiments/reports/writers.h"

namespace cq::reports {
namespace {

std::string arrow(const Column& column) {
  if (!column.higher_is_better) return "";
  return *column.higher_is_better ? " ↑" : " ↓";
}

std::string entry_text(const Entry& entry) {
  if (!entry.value) return entry.footnote ? fmt::format("— [{}]", entry.footnote) : "—";
  std::string text = markdown(entry.text);
  if (entry.best) text = "**" + text + "**";
  if (!entry.spread.empty()) text += " ± " + entry.spread;
  if (!entry.range.empty()) text += " (" + entry.range + ")";
  if (entry.near_full) text += " †";
  if (entry.near_above) text += " ‡";
  if (entry.protocol) text += fmt::format(" [P{}]", entry.protocol);
  if (entry.footnote) text += fmt::format(" [{}]", entry.footnote);
  return text;
}

void append_table(const Table& table, std::string& out) {
  out += "| |";
  for (const Column& column : table.columns)
    out += fmt::format(" {}{} |", markdown(column.title), arrow(column));
  out += "\n|---|";
  for (size_t i = 0; i < table.columns.size(); ++i) out += "---:|";
  for (const TableBlock& block : table.blocks) {
    out += "\n| **" + markdown(block.title) + "** |";
    for (size_t i = 0; i < table.columns.size(); ++i) out += " |";
    for (const TableRow& row : block.rows) {
      out += "\n| " + markdown(row.row->label) + " |";
      for (const Entry& entry : row.entries) out += fmt::format(" {} |", entry_text(entry));
    }
  }
  out += "\n\n";
  for (const std::string& line : lines_under(table)) out += "- " + markdown(line) + "\n";
  out += "\n";
}

void append_figures(const std::vector<Figure>& figures, std::string& out) {
  for (const Figure& figure : figures)
    out += fmt::format("![{}](figures/{}.svg)\n\n*{}*\n\n", markdown(figure.caption), figure.file,
                       markdown(figure.caption));
}

std::string link(const std::filesystem::path& file, const std::filesystem::path& from) {
  std::string out;
  // A space or a bracket would end a Markdown link.
  for (const char c : std::filesystem::proximate(file, from).generic_string())
    if (c == ' ' || c == '(' || c == ')' || c == '%' || c == '<' || c == '>')
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else
      out += c;
  return out;
}

/// First seed only: the same seeds in every picture.
void append_grids(const Section& section, const std::filesystem::path& from, std::string& out) {
  std::string cells;
  for (const Row& row : section.rows) {
    const Cell& cell = *row.cells.front();
    if (cell.grid.empty()) continue;
    std::string name = row.label;
    if (row.keys.interval) name += fmt::format(", N = {}", *row.keys.interval);
    if (row.keys.weight_bits)
      name += fmt::format(", W{}A{}", *row.keys.weight_bits, row.keys.act_bits.value_or(0));
    cells += fmt::format("#### {}\n\n![{}]({})\n\n", markdown(name), markdown(name),
                         link(cell.grid, from));
  }
  if (!cells.empty()) out += "### Samples, the same seeds in every picture\n\n" + cells;
}

void append_plain(const PlainTable& table, std::string& out) {
  out += "## " + markdown(table.title) + "\n\n|";
  for (const std::string& header : table.headers) out += fmt::format(" {} |", markdown(header));
  out += "\n|";
  for (size_t i = 0; i < table.headers.size(); ++i) out += "---|";
  for (const auto& row : table.rows) {
    out += "\n|";
    for (const std::string& text : row) out += fmt::format(" {} |", markdown(text));
  }
  out += "\n\n";
  for (const std::string& note : table.notes) out += "- " + markdown(note) + "\n";
  out += "\n";
}

}  // namespace

std::vector<std::string> lines_under(const Table& table) {
  std::vector<std::string> lines = table.notes;
  for (const std::string& protocol : table.protocols) lines.push_back(protocol);
  for (size_t i = 0; i < table.footnotes.size(); ++i)
    lines.push_back(fmt::format("[{}] {}", i + 1, table.footnotes[i]));
  return lines;
}

std::string markdown_report(const Report& report) {
  std::string out = "# " + markdown(report.title) + "\n\n";
  for (const PlainTable& table : report.comparisons) append_plain(table, out);
  for (const ExperimentReport& one : report.experiments) {
    if (report.experiments.size() > 1) out += "# " + markdown(one.experiment->name) + "\n\n";
    for (size_t i = 0; i < one.reports.size(); ++i) {
      out += "## " + markdown(one.reports[i].title) + "\n\n";
      append_table(one.reports[i].table, out);
      append_figures(one.reports[i].figures, out);
      append_grids(one.sections[i], report.out, out);
    }
    for (const std::string& name : one.experiment->not_started)
      out += fmt::format("Cell {} has not been started.\n\n", markdown(name));
  }
  return out;
}

}  // namespace cq::reports
