#pragma once
// Pictures of a section as gnuplot scripts: quality against cost, schedules, errors by step.
#include <string>
#include <vector>

#include "cq/experiments/reports/table.h"

namespace cq::reports {

struct Figure {
  std::string file;    ///< stem, unique within the report
  std::string group;   ///< figures of one group are alternatives of each other (one a metric)
  std::string choice;  ///< what tells them apart within the group
  std::string caption;
  std::string script;  ///< gnuplot, without terminal and output
  int width = 720, height = 440;
};

std::vector<Figure> quality_figures(const Section& section, const std::string& prefix);
std::vector<Figure> schedule_figures(const Section& section, const std::string& prefix);
std::vector<Figure> error_figures(const Section& section, const std::string& prefix);

/// Rows' colours by label: the same method has the same colour in all pictures.
std::string method_colour(const Section& section, const Row& row);

/// Indices of the points that no other point beats in both: x low, y high or low, by x.
std::vector<size_t> pareto_front(const std::vector<std::pair<double, double>>& points,
                                 bool higher_is_better);

/// A gnuplot string literal that nothing in `text` can leave.
std::string quoted(const std::string& text);

/// Numbers inside a script, as `$name`; `lines` end with a line end each.
std::string data_block(const std::string& name, const std::string& lines);

}  // namespace cq::reports
