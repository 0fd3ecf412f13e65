#pragma once
#include <vector>

#include "cq/experiments/reports/report_model.h"

namespace cq::reports {

/// One table for each section whose model stands in the paper's tables (published.json): every row
/// of the paper with its figures beside the ones of the same row here, or dashes where there is
/// none. Footnotes, marked [1] at the figure, say which ones the released code cannot give.
std::vector<PlainTable> published_tables(const ExperimentReport& report);

}  // namespace cq::reports
