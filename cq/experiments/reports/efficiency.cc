#include "cq/experiments/reports/efficiency.h"

#include <algorithm>

namespace cq::reports {

std::optional<double> mean_figure(const Row& row, std::optional<double> Efficiency::*figure) {
  double sum = 0;
  int count = 0;
  for (const Cell* cell : row.cells)
    if (cell->efficiency && (*cell->efficiency).*figure) {
      sum += *((*cell->efficiency).*figure);
      ++count;
    }
  return count ? std::optional(sum / count) : std::nullopt;
}

std::optional<Range> merged_range(const Row& row, std::optional<Range> Efficiency::*figure) {
  std::vector<double> medians;
  std::optional<Range> merged;
  for (const Cell* cell : row.cells) {
    if (!cell->efficiency || !((*cell->efficiency).*figure)) continue;
    const Range& range = *((*cell->efficiency).*figure);
    medians.push_back(range.median);
    if (!merged) merged = range;
    merged->low = std::min(merged->low, range.low);
    merged->high = std::max(merged->high, range.high);
  }
  if (!merged) return std::nullopt;
  std::sort(medians.begin(), medians.end());
  const size_t middle = medians.size() / 2;
  merged->median =
      medians.size() % 2 ? medians[middle] : (medians[middle - 1] + medians[middle]) / 2;
  return merged;
}

}  // namespace cq::reports
