#include "cq/experiments/reports/compare.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "cq/experiments/reports/efficiency.h"
#include "cq/experiments/reports/metric_info.h"
#include "cq/experiments/reports/text.h"

namespace cq::reports {
namespace {

struct Side {
  const Section* section;
  std::string experiment;
};

std::string setting(const Row& row) {
  Block block{row.keys.interval, row.keys.weight_bits, row.keys.act_bits, {}};
  return row.keys.full_precision() ? "" : block.title();
}

/// The row of the same label and setting. Where a label is there once on each side it is the same
/// row, whatever else differs: that difference is what is compared.
const Row* counterpart(const Section& section, const Row& row) {
  const auto at = std::find_if(section.rows.begin(), section.rows.end(), [&](const Row& other) {
    return other.label == row.label && setting(other) == setting(row);
  });
  return at == section.rows.end() ? nullptr : &*at;
}

std::string remark(const Aggregate& a, const Aggregate& b, std::optional<double> floor) {
  if (a.protocols != b.protocols) return "different protocols";
  if (!floor) return "no noise floor";
  return std::abs(*b.value - *a.value) < *floor ? "below the noise floor" : "";
}

std::string with_sign(double value, int decimals) {
  return fmt::format("{}{}", value > 0 ? "+" : "", fixed(value, decimals));
}

std::string value_text(const Aggregate& aggregate, int decimals) {
  std::string text = fixed(*aggregate.value, decimals);
  if (aggregate.spread) text += fmt::format(" ± {:.{}f}", *aggregate.spread, decimals);
  return text;
}

std::optional<double> widest_floor(const Side& a, const Side& b, const std::string& metric) {
  std::optional<double> widest;
  for (const Side* side : {&a, &b}) {
    const auto floors = noise_floors(*side->section);
    if (const auto at = floors.find(metric); at != floors.end())
      widest = std::max(widest.value_or(0), at->second.range());
  }
  return widest;
}

void add_metric_lines(const Side& a, const Side& b, const Row& row, const Row& other,
                      PlainTable& table) {
  for (const std::string& metric : metric_names(*a.section)) {
    const Aggregate left = metric_over_seeds(row, metric), right = metric_over_seeds(other, metric);
    if (!left.value || !right.value) continue;
    const MetricInfo info = metric_info(metric);
    const bool same = left.protocols == right.protocols;
    table.rows.push_back({row.label, setting(row), info.title, value_text(left, info.decimals),
                          value_text(right, info.decimals),
                          // A difference of incomparable figures would be read all the same.
                          same ? with_sign(*right.value - *left.value, info.decimals) : "—",
                          remark(left, right, widest_floor(a, b, metric))});
  }
}

void add_speed_line(const Row& row, const Row& other, PlainTable& table) {
  const auto left = merged_range(row, &Efficiency::seconds_per_image);
  const auto right = merged_range(other, &Efficiency::seconds_per_image);
  if (!left || !right || left->median <= 0) return;
  const bool overlap = left->low <= right->high && right->low <= left->high;
  table.rows.push_back({row.label, setting(row), "time/image", seconds_text(left->median),
                        seconds_text(right->median),
                        with_sign(100 * (right->median / left->median - 1), 1) + " %",
                        overlap ? "the runs' ranges overlap" : ""});
}

PlainTable compare_sections(const Side& a, const Side& b) {
  PlainTable table;
  table.title = fmt::format("{} and {}: {}", a.experiment, b.experiment, a.section->title);
  table.headers = {"row", "setting", "figure", a.experiment, b.experiment, "Δ", "remark"};
  size_t alone = 0;
  for (const Row& row : a.section->rows) {
    const Row* other = counterpart(*b.section, row);
    if (!other) {
      ++alone;
      continue;
    }
    add_metric_lines(a, b, row, *other, table);
    add_speed_line(row, *other, table);
  }
  for (const Row& row : b.section->rows) alone += !counterpart(*a.section, row);
  table.notes.push_back(
      "Δ: second minus first. Below the noise floor: smaller than the range over "
      "independent halves of the full-precision images of either experiment.");
  if (alone) table.notes.push_back(fmt::format("{} rows are in one experiment only.", alone));
  return table;
}

}  // namespace

std::vector<PlainTable> compare_experiments(const std::vector<ExperimentReport>& experiments) {
  std::vector<PlainTable> tables;
  std::vector<std::string> titles;
  for (const ExperimentReport& one : experiments)
    for (const Section& section : one.sections)
      if (std::find(titles.begin(), titles.end(), section.title) == titles.end())
        titles.push_back(section.title);
  for (const std::string& title : titles) {
    std::vector<Side> sides;
    for (const ExperimentReport& one : experiments)
      for (const Section& section : one.sections)
        if (section.title == title) sides.push_back({&section, one.experiment->name});
    for (size_t i = 1; i < sides.size(); ++i)
      tables.push_back(compare_sections(sides[0], sides[i]));
  }
  return tables;
}

}  // namespace cq::reports
