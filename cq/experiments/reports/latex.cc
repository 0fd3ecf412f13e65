#include <algorithm>

#include <fmt/format.h>

#include "cq/experiments/reports/text.h"
#include "cq/experiments/reports/writers.h"

namespace cq::reports {
namespace {

constexpr const char* preamble = R"(\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage[a4paper,landscape,margin=1.5cm]{geometry}
\usepackage{booktabs}
\usepackage{graphicx}
\begin{document}
)";

std::string arrow(const Column& column) {
  if (!column.higher_is_better) return "";
  return *column.higher_is_better ? " $\\uparrow$" : " $\\downarrow$";
}

std::string entry_text(const Entry& entry) {
  if (!entry.value) return entry.footnote ? fmt::format("---$^{{{}}}$", entry.footnote) : "---";
  std::string text = latex(entry.text);
  if (entry.best) text = "\\textbf{" + text + "}";
  if (!entry.spread.empty()) text += " {\\scriptsize$\\pm$ " + latex(entry.spread) + "}";
  if (!entry.range.empty()) text += " {\\scriptsize (" + latex(entry.range) + ")}";
  if (entry.near_full) text += "\\textsuperscript{\\textdagger}";
  if (entry.near_above) text += "\\textsuperscript{\\textdaggerdbl}";
  if (entry.protocol) text += fmt::format("\\textsuperscript{{P{}}}", entry.protocol);
  if (entry.footnote) text += fmt::format("\\textsuperscript{{{}}}", entry.footnote);
  return text;
}

void append_lines(const std::vector<std::string>& lines, std::string& out) {
  out += "\\par\\smallskip{\\footnotesize\\raggedright\n";
  for (const std::string& line : lines) out += latex(line) + "\\par\n";
  out += "}\n";
}

void append_table(const SectionReport& section, std::string& out) {
  const Table& table = section.table;
  const size_t columns = table.columns.size() + 1;
  // One table environment a block, so that a long ablation breaks between pages.
  for (const TableBlock& block : table.blocks) {
    out += fmt::format("\\begin{{table}}[htbp]\n\\centering\n\\caption{{{}: {}}}\n",
                       latex(section.title), latex(block.title));
    out += "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n";
    out += fmt::format("\\begin{{tabular}}{{l{}}}\n\\toprule\n", std::string(columns - 1, 'r'));
    for (const Column& column : table.columns) out += " & " + latex(column.title) + arrow(column);
    out += " \\\\\n\\midrule\n";
    for (const TableRow& row : block.rows) {
      out += latex(row.row->label);
      for (const Entry& entry : row.entries) out += " & " + entry_text(entry);
      out += " \\\\\n";
    }
    out += "\\bottomrule\n\\end{tabular}}\n\\end{table}\n";
  }
  append_lines(lines_under(table), out);
}

void append_plain(const PlainTable& table, std::string& out) {
  // Long tables are cut into pages of their own.
  constexpr size_t page = 36;
  for (size_t from = 0; from < table.rows.size(); from += page) {
    out +=
        fmt::format("\\begin{{table}}[htbp]\n\\centering\n\\caption{{{}}}\n", latex(table.title));
    out += "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n";
    out += fmt::format("\\begin{{tabular}}{{{}}}\n\\toprule\n",
                       std::string(table.headers.size(), 'l'));
    const auto line = [&](const std::vector<std::string>& texts) {
      for (size_t i = 0; i < texts.size(); ++i) out += (i ? " & " : "") + latex(texts[i]);
      out += " \\\\\n";
    };
    line(table.headers);
    out += "\\midrule\n";
    for (size_t i = from; i < std::min(table.rows.size(), from + page); ++i) line(table.rows[i]);
    out += "\\bottomrule\n\\end{tabular}}\n\\end{table}\n";
  }
  append_lines(table.notes, out);
  out += "\\clearpage\n";
}

void append_figures(const std::vector<Figure>& figures, std::string& out) {
  for (const Figure& figure : figures)
    out += fmt::format(
        "\\begin{{figure}}[htbp]\n\\centering\n\\includegraphics[width=.7\\linewidth]"
        "{{figures/{}.pdf}}\n\\caption{{{}}}\n\\end{{figure}}\n",
        figure.file, latex(figure.caption));
}

}  // namespace

std::string latex_report(const Report& report) {
  std::string out = preamble + ("\\section*{" + latex(report.title) + "}\n");
  for (const PlainTable& table : report.comparisons) append_plain(table, out);
  for (const ExperimentReport& one : report.experiments) {
    if (report.experiments.size() > 1) out += "\\section*{" + latex(one.experiment->name) + "}\n";
    for (const SectionReport& section : one.reports) {
      out += "\\subsection*{" + latex(section.title) + "}\n";
      append_table(section, out);
      append_figures(section.figures, out);
      out += "\\clearpage\n";
    }
  }
  return out + "\\end{document}\n";
}

}  // namespace cq::reports
