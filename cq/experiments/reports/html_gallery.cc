#include <algorithm>

#include <fmt/format.h>

#include "cq/base/files.h"
#include "cq/experiments/reports/html_parts.h"
#include "cq/experiments/reports/text.h"

namespace cq::reports {
namespace {

std::string setting(const Row& row) {
  if (row.keys.full_precision()) return "";
  return Block{row.keys.interval, row.keys.weight_bits, row.keys.act_bits, {}}.title();
}

/// The seed that most rows can show, so that the pictures compare: the first row's first.
const Cell* cell_with_grid(const Row& row, std::optional<int64_t> seed) {
  const Cell* found = nullptr;
  for (const Cell* cell : row.cells) {
    if (cell->grid.empty()) continue;
    if (cell->keys.seed == seed) return cell;
    if (!found) found = cell;
  }
  return found;
}

/// Blocks that a row stands in, for the filter above the gallery.
std::string blocks_of(const Section& section, size_t row) {
  std::string out;
  for (size_t i = 0; i < section.blocks.size(); ++i) {
    const auto& rows = section.blocks[i].rows;
    if (std::find(rows.begin(), rows.end(), row) != rows.end()) out += fmt::format("{} ", i);
  }
  return out;
}

void append_filter(const Section& section, std::string& out) {
  if (section.blocks.size() < 2) return;
  out +=
      "<div class=\"chips\" data-filter><button type=\"button\" class=\"chip on\" "
      "data-block=\"\">all</button>";
  for (size_t i = 0; i < section.blocks.size(); ++i)
    out += fmt::format("<button type=\"button\" class=\"chip\" data-block=\"{}\">{}</button>", i,
                       html(section.blocks[i].title()));
  out += "</div>\n";
}

}  // namespace

void append_gallery(const Section& section, std::string& out) {
  std::optional<int64_t> seed;
  std::string pictures;
  for (size_t i = 0; i < section.rows.size(); ++i) {
    const Row& row = section.rows[i];
    const Cell* cell = cell_with_grid(row, seed);
    if (!cell) continue;
    if (pictures.empty()) seed = cell->keys.seed;
    const std::string name = row.label + (setting(row).empty() ? "" : ", " + setting(row));
    const std::string other_seed =
        cell->keys.seed == seed || !cell->keys.seed
            ? ""
            : fmt::format(" <span class=\"warn\">seed {}</span>", *cell->keys.seed);
    pictures += fmt::format(
        "<figure class=\"sample\" data-blocks=\"{}\"><button type=\"button\" title=\"compare\">"
        "<img alt=\"{}\" src=\"data:image/png;base64,{}\"></button>"
        "<figcaption><b>{}</b><br>{}{}</figcaption></figure>\n",
        blocks_of(section, i), html(name), base64(read_text(cell->grid)), html(row.label),
        html(setting(row)), other_seed);
  }
  if (pictures.empty()) return;
  out += "<h3>Samples</h3>\n<p class=\"hint\">The same seeds in every picture" +
         (seed ? fmt::format(" (seed {})", *seed) : "") +
         ". Click one to see it beside full precision, zoomed together.</p>\n";
  append_filter(section, out);
  out += "<div class=\"gallery\">\n" + pictures + "</div>\n";
}

void append_origin(const Experiment& experiment, std::string& out) {
  if (!experiment.provenance.is_null()) {
    out += "<details><summary>Provenance</summary><div class=\"scroll\"><table class=\"plain\">";
    for (const auto& [key, value] : flattened(experiment.provenance))
      out += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", html(key), html(value));
    out += "</table></div></details>\n";
  }
  if (!experiment.config_yaml.empty())
    out += "<details><summary>Configuration</summary><pre>" + html(experiment.config_yaml) +
           "</pre></details>\n";
}

}  // namespace cq::reports
