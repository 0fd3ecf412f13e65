#include "cq/experiments/reports/published.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cq/experiments/reports/efficiency.h"
#include "cq/experiments/reports/published_figures.h"
#include "cq/experiments/reports/text.h"

namespace cq::reports {
namespace {

const Json& published() {
  static const Json figures = Json::parse(published_figures);
  return figures;
}

std::string or_dash(std::optional<double> value, int decimals, double unit = 1) {
  return value ? fixed(*value / unit, decimals) : "—";
}

std::optional<double> figure(const Json& line, const char* key) {
  return line.contains(key) ? std::optional(line.at(key).get<double>()) : std::nullopt;
}

bool has_text(const Json& line, const char* key, const std::string& value) {
  return !line.contains(key) || line.at(key) == value;
}

/// Whether a row here is the paper's: the same methods, interval and bits.
bool is_row(const Json& line, const CellConfig& keys) {
  const auto caches = line.value("cache", std::vector<std::string>{"none"});
  if (std::find(caches.begin(), caches.end(), keys.cache) == caches.end()) return false;
  if (line.contains("interval") && keys.interval != line.at("interval").get<int64_t>())
    return false;
  const bool quantized = line.contains("bits");
  if (quantized != keys.quantized()) return false;
  if (quantized && (keys.weight_bits != line.at("bits")[0].get<int64_t>() ||
                    keys.act_bits != line.at("bits")[1].get<int64_t>())) {
    return false;
  }
  return has_text(line, "correct", keys.correct) && has_text(line, "reconstruct", keys.reconstruct);
}

std::string setting(const Json& line) {
  std::vector<std::string> parts;
  if (line.contains("interval")) {
    parts.push_back(fmt::format("N={}", line.at("interval").get<int64_t>()));
  }
  if (line.contains("bits")) {
    parts.push_back(
        fmt::format("W{}A{}", line.at("bits")[0].get<int>(), line.at("bits")[1].get<int>()));
  }
  return fmt::format("{}", fmt::join(parts, " "));
}

/// Footnotes of one table, numbered in the order of the rows that bear them.
class Footnotes {
 public:
  /// " [1]" where the line has a footnote on the entry called `of`.
  std::string mark(const Json& line, const std::string& of) {
    if (!line.contains("note")) return "";
    const Json& note = published().at("notes").at(line.at("note").get<std::string>());
    if (note.at("of") != of) return "";
    const auto text = note.at("text").get<std::string>();
    const auto at = std::find(texts_.begin(), texts_.end(), text);
    const auto number = at - texts_.begin() + 1;
    if (at == texts_.end()) texts_.push_back(text);
    return fmt::format(" [{}]", number);
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    for (const std::string& text : texts_) {
      lines.push_back(fmt::format("[{}] {}", lines.size() + 1, text));
    }
    return lines;
  }

 private:
  std::vector<std::string> texts_;
};

std::vector<std::string> entries(const Json& line, const Section& section, Footnotes& notes) {
  const auto at = std::find_if(section.rows.begin(), section.rows.end(),
                               [&](const Row& row) { return is_row(line, row.keys); });
  const Row* row = at == section.rows.end() ? nullptr : &*at;
  const auto counted = [&](std::optional<double> Efficiency::*one) {
    return row ? mean_figure(*row, one) : std::nullopt;
  };
  const auto metric = [&](const char* name) {
    return row ? metric_over_seeds(*row, name).value : std::nullopt;
  };
  const auto speedup = row ? merged_range(*row, &Efficiency::speedup) : std::nullopt;
  return {line.at("table").get<std::string>(),
          line.at("label").get<std::string>() + notes.mark(line, "label"),
          setting(line),
          or_dash(counted(&Efficiency::bops), 2, 1e12),
          or_dash(figure(line, "bops"), 2) + notes.mark(line, "bops"),
          or_dash(counted(&Efficiency::compression), 2),
          or_dash(figure(line, "compression"), 2),
          or_dash(speedup ? std::optional(speedup->median) : std::nullopt, 2),
          or_dash(figure(line, "speedup"), 2),
          or_dash(metric("fid"), 2),
          or_dash(figure(line, "fid"), 2),
          or_dash(metric("is"), 2),
          or_dash(figure(line, "is"), 2)};
}

}  // namespace

std::vector<PlainTable> published_tables(const ExperimentReport& report) {
  std::vector<PlainTable> tables;
  for (const Section& section : report.sections) {
    if (section.rows.empty()) continue;
    PlainTable table;
    table.title = fmt::format("Beside the paper: {}", section.title);
    table.headers = {"table", "row",   "setting", "BOPs (T)", "paper", "compression", "paper",
                     "speed", "paper", "FID",     "paper",    "IS",    "paper"};
    Footnotes notes;
    for (const Json& line : published().at("rows")) {
      if (line.at("model") != section.rows.front().keys.model) continue;
      table.rows.push_back(entries(line, section, notes));
    }
    if (table.rows.empty()) continue;
    table.notes.push_back(
        fmt::format("\"paper\": {}; its speed was measured on other hardware, and its FID and IS "
                    "with the published weights. A dash is a figure that one of the two does not "
                    "have.",
                    published().at("source").get<std::string>()));
    for (std::string& footnote : notes.lines()) table.notes.push_back(std::move(footnote));
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace cq::reports
