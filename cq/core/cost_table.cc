#include "cq/core/cost_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cq/base/error.h"

namespace cq {
namespace {

void check_entry(double value, int64_t start, int64_t step, const std::string& where) {
  if (std::isfinite(value) && value >= 0) return;
  throw UsageError(
      "{}: the cost of reusing step {} at step {} is {}; expected a finite number, "
      "0 or above",
      where, start, step, value);
}

}  // namespace

CostTable::CostTable(int64_t steps, int64_t width) : steps_(steps), width_(std::min(width, steps)) {
  if (steps < 1 || width < 1) {
    throw UsageError("[cost table] needs at least 1 step and width 1, got {} steps, width {}",
                     steps, width);
  }
  values_.assign(static_cast<size_t>(steps_ * width_), 0.0);
}

CostTable CostTable::from_square(const std::vector<double>& values, int64_t steps, int64_t width,
                                 const std::string& where) {
  CostTable table(steps, width);
  if (static_cast<int64_t>(values.size()) != steps * steps) {
    throw UsageError("{}: expected {} x {} costs, got {} values", where, steps, steps,
                     values.size());
  }
  for (int64_t start = 0; start < steps; ++start) {
    for (int64_t step = start; step < steps; ++step) {
      const double value = values[static_cast<size_t>(start * steps + step)];
      check_entry(value, start, step, where);
      if (step - start < table.width_) table.at(start, step) = value;
    }
  }
  return table;
}

void CostTable::add(const CostTable& other) {
  if (other.steps_ != steps_ || other.width_ != width_) {
    throw UsageError("[cost table] cannot add {} steps, width {} to {} steps, width {}",
                     other.steps_, other.width_, steps_, width_);
  }
  for (size_t k = 0; k < values_.size(); ++k) values_[k] += other.values_[k];
}

std::vector<double> CostTable::square() const {
  std::vector<double> result(static_cast<size_t>(steps_ * steps_),
                             std::numeric_limits<double>::quiet_NaN());
  for (int64_t start = 0; start < steps_; ++start) {
    for (int64_t step = start; step < std::min(start + width_, steps_); ++step) {
      result[static_cast<size_t>(start * steps_ + step)] = at(start, step);
    }
  }
  return result;
}

void CostTable::validate(const std::string& where) const {
  for (int64_t start = 0; start < steps_; ++start) {
    for (int64_t step = start; step < std::min(start + width_, steps_); ++step) {
      check_entry(at(start, step), start, step, where);
    }
  }
}

GroupCosts::GroupCosts(const CostTable& table)
    : width_(table.width()),
      sums_(static_cast<size_t>(table.steps() * table.width()),
            std::numeric_limits<double>::infinity()) {
  for (int64_t start = 0; start < table.steps(); ++start) {
    double sum = 0;
    for (int64_t step = start; step < std::min(start + width_, table.steps()); ++step) {
      sum += table.at(start, step);
      sums_[static_cast<size_t>(start * width_ + (step - start))] = sum;
    }
  }
}

double schedule_cost(const Schedule& schedule, const CostTable& table) {
  schedule.validate("schedule cost");
  if (schedule.steps != table.steps()) {
    throw UsageError(
        "[schedule cost] a schedule of {} steps needs a {} x {} cost table, got {} x {}",
        schedule.steps, schedule.steps, schedule.steps, table.steps(), table.steps());
  }
  const GroupCosts group_cost(table);
  const auto groups = schedule.groups();
  double total = 0;
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    const auto [start, end] = *group;
    if (end - start > table.width()) {
      throw UsageError(
          "[schedule cost] the group {}..{} has {} steps, but costs are known for groups of up to "
          "{}",
          start, end - 1, end - start, table.width());
    }
    total = group_cost(start, end) + total;
  }
  return total;
}

}  // namespace cq
