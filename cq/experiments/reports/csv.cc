#include <algorithm>

#include <fmt/format.h>

#include "cq/experiments/reports/efficiency.h"
#include "cq/experiments/reports/text.h"
#include "cq/experiments/reports/writers.h"

namespace cq::reports {
namespace {

using Record = std::vector<std::string>;

template <class T>
std::string optional_text(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "";
}

/// Metrics of all sections in first-seen order: one header for the whole file.
std::vector<std::string> all_metrics(const Report& report) {
  std::vector<std::string> names;
  for (const ExperimentReport& one : report.experiments)
    for (const Section& section : one.sections)
      for (const std::string& name : metric_names(section))
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

Record header(const std::vector<std::string>& metrics) {
  Record out = {"experiment", "model",   "sampler",     "steps",   "guidance",    "eta",
                "label",      "cache",   "interval",    "quant",   "weight_bits", "act_bits",
                "execution",  "correct", "reconstruct", "samples", "seeds"};
  for (const std::string& metric : metrics)
    for (const char* part : {"", "_std", "_std_over", "_seeds", "_protocol"})
      out.push_back(metric + part);
  for (const char* name :
       {"macs", "bops", "parameters", "model_bytes", "compression", "estimated_speedup",
        "measured_speedup", "measured_speedup_min", "measured_speedup_max", "seconds_per_image",
        "seconds_per_image_min", "seconds_per_image_max", "missing"})
    out.push_back(name);
  return out;
}

void add_range(const std::optional<Range>& range, Record& out) {
  for (const auto part : {&Range::median, &Range::low, &Range::high})
    out.push_back(range ? fmt::format("{}", (*range).*part) : "");
}

std::string missing_text(const Row& row) {
  std::string text;
  for (const Cell* cell : row.cells)
    if (!cell->missing.empty())
      text += (text.empty() ? "" : "; ") + cell->name + ": " + cell->missing;
  return text;
}

Record record(const std::string& experiment, const Row& row,
              const std::vector<std::string>& metrics) {
  const CellConfig& keys = row.keys;
  std::string seeds;
  for (const Cell* cell : row.cells)
    seeds += fmt::format("{}{}", seeds.empty() ? "" : " ", optional_text(cell->keys.seed));
  Record out = {experiment,
                keys.model,
                keys.sampler,
                optional_text(keys.steps),
                optional_text(keys.guidance),
                optional_text(keys.eta),
                row.label,
                keys.cache,
                optional_text(keys.interval),
                keys.quant,
                optional_text(keys.weight_bits),
                optional_text(keys.act_bits),
                keys.execution,
                keys.correct,
                keys.reconstruct,
                optional_text(keys.samples),
                seeds};
  for (const std::string& metric : metrics) {
    const Aggregate value = metric_over_seeds(row, metric);
    std::string protocols;
    for (const std::string& protocol : value.protocols)
      protocols += (protocols.empty() ? "" : " | ") + protocol;
    out.push_back(optional_text(value.value));
    out.push_back(optional_text(value.spread));
    out.push_back(!value.spread ? "" : value.over_seeds ? "seeds" : "metric");
    out.push_back(value.value ? std::to_string(value.seeds) : "");
    out.push_back(protocols);
  }
  for (const auto figure :
       {&Efficiency::macs, &Efficiency::bops, &Efficiency::parameters, &Efficiency::model_bytes,
        &Efficiency::compression, &Efficiency::estimated_speedup})
    out.push_back(optional_text(mean_figure(row, figure)));
  add_range(merged_range(row, &Efficiency::speedup), out);
  add_range(merged_range(row, &Efficiency::seconds_per_image), out);
  out.push_back(missing_text(row));
  return out;
}

void append(const Record& record, std::string& out) {
  for (size_t i = 0; i < record.size(); ++i)
    out += fmt::format("{}{}", i ? "," : "", csv(record[i]));
  out += "\n";
}

}  // namespace

std::string csv_report(const Report& report) {
  const std::vector<std::string> metrics = all_metrics(report);
  std::string out;
  append(header(metrics), out);
  for (const ExperimentReport& one : report.experiments)
    for (const Section& section : one.sections)
      for (const Row& row : section.rows) append(record(one.experiment->name, row, metrics), out);
  return out;
}

}  // namespace cq::reports
