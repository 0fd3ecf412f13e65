#pragma once
#include <vector>

#include "cq/experiments/reports/report_model.h"

namespace cq::reports {

/// One table a section that at least two experiments have: every figure of a row that both hold,
/// side by side, the difference to the first one, and whether the noise floor or a different
/// protocol forbids to read anything into it.
std::vector<PlainTable> compare_experiments(const std::vector<ExperimentReport>& experiments);

}  // namespace cq::reports
