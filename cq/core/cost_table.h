#pragma once
// What reusing one step's feature at a later step costs, for steps that are close to each other.
#include <cstdint>
#include <string>
#include <vector>

#include "cq/core/schedule.h"

namespace cq {

/// C[i][t], i <= t < i + width: the cost of using step i's feature at step t. Entries farther from
/// the diagonal are not stored, because no group is longer than the width.
class CostTable {
 public:
  CostTable() = default;
  /// All zeros. Throws UsageError unless 1 <= width; a width above `steps` is cut to it.
  CostTable(int64_t steps, int64_t width);
  /// From a row-major table of steps x steps values. Entries below the diagonal are never looked
  /// at. Throws UsageError, naming `where`, on NaN, infinite or negative values on or above it.
  static CostTable from_square(const std::vector<double>& values, int64_t steps, int64_t width,
                               const std::string& where);

  int64_t steps() const { return steps_; }
  int64_t width() const { return width_; }
  double at(int64_t start, int64_t step) const { return values_[index(start, step)]; }
  double& at(int64_t start, int64_t step) { return values_[index(start, step)]; }
  /// Adds a table of the same shape: distances of two batches of samples.
  void add(const CostTable& other);
  /// Row-major steps x steps, NaN where nothing is known.
  std::vector<double> square() const;
  /// Throws UsageError, naming `where`, if an entry is NaN, infinite or negative.
  void validate(const std::string& where) const;

 private:
  size_t index(int64_t start, int64_t step) const {
    return static_cast<size_t>(start * width_ + (step - start));
  }

  int64_t steps_ = 0;
  int64_t width_ = 0;
  std::vector<double> values_;  // [steps][width], by start and lag
};

/// Running sums over the rows of a table: the cost of a whole group in O(1).
class GroupCosts {
 public:
  explicit GroupCosts(const CostTable& table);
  /// sum over t in [start, end) of C[start][t]; end - start is at most the table's width.
  double operator()(int64_t start, int64_t end) const {
    return sums_[static_cast<size_t>(start * width_ + (end - start - 1))];
  }

 private:
  int64_t width_;
  std::vector<double> sums_;
};

/// The sum over all groups, added from the last group to the first, which is the order of the DPS
/// solver: equal schedules cost exactly the same wherever they come from. Throws UsageError if the
/// schedule has other steps than the table or a group longer than the table's width.
double schedule_cost(const Schedule& schedule, const CostTable& table);

}  // namespace cq
