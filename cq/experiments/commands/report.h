#pragma once
#include "cq/experiments/reports/report.h"

namespace cq {

/// `cq-exp report RESULTS_DIR... [--format md,html,tex,csv] [--compare] [--out DIR]`: writes the
/// files and prints their names, one a line. Returns the exit code; errors are thrown.
int report_command(const ReportOptions& options);

}  // namespace cq
