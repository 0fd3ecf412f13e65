#include "cq/experiments/commands/report.h"

#include <iostream>

namespace cq {

int report_command(const ReportOptions& options) {
  // Figures are parts of report.md and report.tex; their names would drown the reports'.
  for (const auto& path : write_report(options))
    if (path.stem() == "report") std::cout << path.string() << "\n";
  return 0;
}

}  // namespace cq
