#pragma once
#include <string>

#include "cq/experiments/reports/figures.h"

namespace cq::reports {

/// Whether there is a gnuplot on PATH.
bool gnuplot_found();
/// Stand-alone SVG on white, for files. Throws RunError when gnuplot is missing or refuses.
std::string render_svg(const Figure& figure);
/// PDF of the same picture, for LaTeX.
std::string render_pdf(const Figure& figure);
/// `svg` as an inline element: text and axes in the page's colour, names that do not clash.
std::string inline_svg(const std::string& svg, const std::string& id, const std::string& caption);

}  // namespace cq::reports
