#include <algorithm>

#include <fmt/format.h>

#include "cq/experiments/reports/gnuplot.h"
#include "cq/experiments/reports/html_parts.h"
#include "cq/experiments/reports/page_assets.h"
#include "cq/experiments/reports/text.h"
#include "cq/experiments/reports/writers.h"

namespace cq::reports {
namespace {

std::string arrow(const Column& column) {
  if (!column.higher_is_better) return "";
  return *column.higher_is_better ? " <span class=\"dir\" title=\"higher is better\">↑</span>"
                                  : " <span class=\"dir\" title=\"lower is better\">↓</span>";
}

std::string mark(const char* symbol, const char* meaning) {
  return fmt::format("<sup title=\"{}\">{}</sup>", meaning, symbol);
}

/// `notes` is the id that footnote links lead to.
std::string entry_html(const Entry& entry, const std::string& notes) {
  const std::string footnote = entry.footnote ? fmt::format("<sup><a href=\"#{}-{}\">{}</a></sup>",
                                                            notes, entry.footnote, entry.footnote)
                                              : "";
  if (!entry.value) return "<td class=\"missing\">—" + footnote + "</td>";
  std::string text = fmt::format("<td data-v=\"{:.17g}\"{}>{}", *entry.value,
                                 entry.best ? " class=\"best\"" : "", html(entry.text));
  if (entry.near_full)
    text += mark("†", "differs from full precision by less than the noise floor");
  if (entry.near_above)
    text += mark("‡", "differs from the row above by less than the noise floor");
  if (entry.protocol)
    text += fmt::format("<sup class=\"warn\" title=\"taken under protocol P{}\">P{}</sup>",
                        entry.protocol, entry.protocol);
  text += footnote;
  // On lines of their own: the table has many columns.
  if (!entry.spread.empty()) text += "<small>± " + html(entry.spread) + "</small>";
  if (!entry.range.empty()) text += "<small>" + html(entry.range) + "</small>";
  return text + "</td>";
}

void append_lines(const std::vector<std::string>& lines, std::string& out) {
  for (const std::string& line : lines)
    out += fmt::format("<li{}>{}</li>\n", line.starts_with("Warning") ? " class=\"warn\"" : "",
                       html(line));
}

void append_under(const Table& table, const std::string& id, std::string& out) {
  out += "<ul class=\"notes\">\n";
  append_lines(table.notes, out);
  out += "</ul>\n";
  if (!table.protocols.empty()) {
    out += "<h4>How each figure was taken</h4><ul class=\"notes\">\n";
    append_lines(table.protocols, out);
    out += "</ul>\n";
  }
  if (table.footnotes.empty()) return;
  out += "<h4>Missing</h4><ol class=\"notes\">\n";
  for (size_t i = 0; i < table.footnotes.size(); ++i)
    out += fmt::format("<li id=\"{}-{}\">{}</li>\n", id, i + 1, html(table.footnotes[i]));
  out += "</ol>\n";
}

void append_row(const Section& section, const TableRow& row, const std::string& block,
                const std::string& id, std::string& out) {
  out += fmt::format(
      "<tr{}><th scope=\"row\" data-v=\"{}\"><i class=\"dot\" "
      "style=\"background:{}\"></i>{}<span class=\"where\">{}</span></th>",
      row.repeated ? " data-repeated" : "", html(row.row->label), method_colour(section, *row.row),
      html(row.row->label), row.row->keys.full_precision() ? "" : html(block));
  for (const Entry& entry : row.entries) out += entry_html(entry, id);
  out += "</tr>\n";
}

void append_table(const Section& section, const Table& table, const std::string& id,
                  std::string& out) {
  out += "<div class=\"scroll\"><table class=\"sortable\"><thead><tr><th data-sort>row</th>";
  for (const Column& column : table.columns)
    out += fmt::format("<th data-sort data-higher=\"{}\" title=\"{}\">{}{}</th>",
                       column.higher_is_better.value_or(false) ? 1 : 0, html(column.hint),
                       html(column.title), arrow(column));
  out += "</tr></thead>\n";
  for (const TableBlock& block : table.blocks) {
    out += fmt::format("<tbody><tr class=\"block\"><th colspan=\"{}\">{}</th></tr>\n",
                       table.columns.size() + 1, html(block.title));
    for (const TableRow& row : block.rows) append_row(section, row, block.title, id, out);
    out += "</tbody>\n";
  }
  out += "</table></div>\n";
  append_under(table, id, out);
}

/// Figures of one group behind one choice; without script all of them show.
void append_figures(const std::vector<Figure>& figures, std::string& out) {
  std::vector<std::string> groups;
  for (const Figure& figure : figures)
    if (std::find(groups.begin(), groups.end(), figure.group) == groups.end())
      groups.push_back(figure.group);
  if (groups.empty()) return;
  out += "<h3>Pictures</h3>\n<div class=\"figures\">\n";
  for (const std::string& group : groups) {
    out += "<section class=\"card\" data-choices><h4>" + html(group) + "</h4>\n";
    for (const Figure& figure : figures)
      if (figure.group == group)
        out += fmt::format("<figure data-choice=\"{}\">{}<figcaption>{}</figcaption></figure>\n",
                           html(figure.choice),
                           inline_svg(render_svg(figure), figure.file, figure.caption),
                           html(figure.caption));
    out += "</section>\n";
  }
  out += "</div>\n";
}

void append_plain(const PlainTable& table, std::string& out) {
  out += "<h2>" + html(table.title) +
         "</h2>\n<div class=\"scroll\"><table class=\"sortable\">"
         "<thead><tr>";
  for (const std::string& header : table.headers) out += "<th data-sort>" + html(header) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    out += "<tr>";
    for (size_t i = 0; i < row.size(); ++i)
      out += i == 0 ? fmt::format("<th scope=\"row\" data-v=\"{0}\">{0}</th>", html(row[i]))
                    : fmt::format("<td data-v=\"{0}\">{0}</td>", html(row[i]));
    out += "</tr>\n";
  }
  out += "</tbody></table></div>\n<ul class=\"notes\">\n";
  append_lines(table.notes, out);
  out += "</ul>\n";
}

void append_experiment(const ExperimentReport& one, const std::string& prefix, std::string& out) {
  for (size_t i = 0; i < one.reports.size(); ++i) {
    const SectionReport& report = one.reports[i];
    out += "<h2>" + html(report.title) + "</h2>\n";
    append_table(one.sections[i], report.table, fmt::format("{}note{}", prefix, i + 1), out);
    append_figures(report.figures, out);
    append_gallery(one.sections[i], out);
  }
  if (!one.experiment->not_started.empty()) {
    out += "<h4>Not started</h4><ul class=\"notes\">\n";
    append_lines(one.experiment->not_started, out);
    out += "</ul>\n";
  }
  append_origin(*one.experiment, out);
}

constexpr const char* viewer = R"(<dialog id="viewer"><div class="bar">
<span>Wheel or +/− zooms, dragging moves, all pictures together; arrow keys change the last one.</span>
<button type="button" data-do="out" title="zoom out">−</button>
<button type="button" data-do="in" title="zoom in">+</button>
<button type="button" data-do="reset">reset</button>
<button type="button" data-do="add">add picture</button>
<button type="button" data-do="remove">remove</button>
<button type="button" data-do="close" title="close">✕</button></div>
<div class="panes"></div></dialog>
)";

}  // namespace

std::string html_report(const Report& report) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>" +
      html(report.title) + "</title>\n<style>" + page_css +
      "</style></head>\n<body><main>\n<header><h1>" + html(report.title) +
      "</h1><button type=\"button\" id=\"theme\" title=\"light, dark, or as the "
      "system\">theme: auto</button></header>\n";
  for (const PlainTable& table : report.comparisons) append_plain(table, out);
  for (size_t i = 0; i < report.experiments.size(); ++i) {
    const ExperimentReport& one = report.experiments[i];
    if (report.experiments.size() > 1)
      out += "<h1 class=\"part\">" + html(one.experiment->name) + "</h1>\n";
    append_experiment(one, fmt::format("e{}-", i + 1), out);
  }
  return out + "</main>\n" + viewer + "<script>" + page_js + "</script></body></html>\n";
}

}  // namespace cq::reports
