#pragma once
#include <string>

#include "cq/experiments/reports/report_model.h"

namespace cq::reports {

/// Pictures as files: figures/*.svg and the cells' own grid.png.
std::string markdown_report(const Report& report);
/// One file that loads nothing from elsewhere.
std::string html_report(const Report& report);
/// Compiles with pdflatex and booktabs; pictures are figures/*.pdf.
std::string latex_report(const Report& report);
/// One line a row (cells over their seeds), every figure in a column of its own.
std::string csv_report(const Report& report);
/// Aligned, at most `width` columns; what has no room is named below.
std::string terminal_section(const SectionReport& section, size_t width);

/// What stands under a table, in order: notes, protocols, numbered footnotes.
std::vector<std::string> lines_under(const Table& table);

}  // namespace cq::reports
