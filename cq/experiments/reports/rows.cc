#include "cq/experiments/reports/rows.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "cq/base/json.h"

namespace cq::reports {
namespace {

void drop_seeds(Json& config) {
  if (!config.is_object()) return;
  config.erase("seed");
  for (auto& [key, value] : config.items()) drop_seeds(value);
}

/// What decides a row: neither seed nor place, and no parameter of a group that is switched off.
Json identity(const Cell& cell) {
  Json config = cell.config;
  drop_seeds(config);
  for (const char* key : {"name", "results_dir"}) config.erase(key);
  const auto switched_off = [&](const char* group, const std::string& name) {
    if (name == "none") config[group] = Json{{"name", "none"}};
  };
  switched_off("cache", cell.keys.cache);
  switched_off("quant", cell.keys.quant);
  switched_off("correct", cell.keys.correct);
  switched_off("reconstruct", cell.keys.reconstruct);
  return config;
}

void flatten_into(const Json& value, const std::string& prefix,
                  std::vector<std::pair<std::string, std::string>>& out) {
  if (!value.is_object()) {
    out.emplace_back(prefix, value.is_string() ? value.get<std::string>() : value.dump());
    return;
  }
  for (const auto& [key, child] : value.items())
    flatten_into(child, prefix.empty() ? key : prefix + "." + key, out);
}

std::string section_title(const CellConfig& keys) {
  std::string title = keys.model + ", " + keys.sampler;
  if (keys.steps) title += fmt::format(", {:g} steps", *keys.steps);
  if (keys.guidance) title += fmt::format(", guidance {:g}", *keys.guidance);
  if (keys.eta && *keys.eta != 0) title += fmt::format(", eta {:g}", *keys.eta);
  return title;
}

std::vector<Row> group_rows(const std::vector<const Cell*>& cells) {
  std::vector<Row> rows;
  std::map<std::string, size_t> index;
  for (const Cell* cell : cells) {
    const Json config = identity(*cell);
    const auto [at, is_new] = index.emplace(canonical_json(config), rows.size());
    if (is_new) {
      const auto [label, rank] = combination_label(cell->keys);
      rows.push_back({label, rank, cell->keys, config, {}});
    }
    // A sweep over a group that is switched off gives the same cell again.
    auto& seeds = rows[at->second].cells;
    const auto same = std::find_if(seeds.begin(), seeds.end(), [&](const Cell* other) {
      return other->keys.seed == cell->keys.seed;
    });
    if (same == seeds.end())
      seeds.push_back(cell);
    else if (!(*same)->missing.empty() && cell->missing.empty())
      *same = cell;
  }
  for (Row& row : rows)
    std::stable_sort(row.cells.begin(), row.cells.end(), [](const Cell* a, const Cell* b) {
      return a->keys.seed.value_or(0) < b->keys.seed.value_or(0);
    });
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.rank < b.rank; });
  return rows;
}

using Place = std::tuple<std::optional<int64_t>, std::optional<int64_t>, std::optional<int64_t>>;

Place place(const Row& row) {
  return {row.keys.interval, row.keys.weight_bits, row.keys.act_bits};
}

/// Equal labels at one place get the keys that tell them apart, a component's name first.
void tell_apart(std::vector<Row>& rows) {
  std::map<std::pair<std::string, Place>, std::vector<Row*>> same;
  for (Row& row : rows) same[{row.label, place(row)}].push_back(&row);
  for (auto& [key, twins] : same) {
    if (twins.size() < 2) continue;
    std::map<std::string, std::set<std::string>> values;
    std::map<std::string, size_t> present;
    for (const Row* twin : twins)
      for (const auto& [name, value] : flattened(twin->config)) {
        values[name].insert(value);
        ++present[name];
      }
    for (Row* twin : twins) {
      std::string extra;
      for (const auto& [name, value] : flattened(twin->config)) {
        if (values[name].size() < 2 && present[name] == twins.size()) continue;
        const bool is_name = name.ends_with(".name");
        extra += (extra.empty() ? "" : ", ") + (is_name ? name.substr(0, name.size() - 5) : name) +
                 "=" + value;
      }
      if (!extra.empty()) twin->label += " (" + extra + ")";
    }
  }
}

/// The (N, W, A) of combined cells; baselines found nowhere else get blocks of their own.
std::set<Place> block_places(const std::vector<Row>& rows) {
  std::set<Place> places;
  for (const Row& row : rows)
    if (row.keys.cached() && row.keys.quantized()) places.insert(place(row));
  const std::set<Place> combined = places;
  for (const Row& row : rows) {
    const Place own = place(row);
    const bool covered = std::any_of(combined.begin(), combined.end(), [&](const Place& p) {
      return row.keys.cached()
                 ? std::get<0>(p) == std::get<0>(own)
                 : std::get<1>(p) == std::get<1>(own) && std::get<2>(p) == std::get<2>(own);
    });
    if (row.keys.cached() != row.keys.quantized() && !covered) places.insert(own);
  }
  if (places.empty()) places.emplace();
  return places;
}

bool stands_in(const Row& row, const Block& block) {
  const bool same_cache = !row.keys.cached() || row.keys.interval == block.interval;
  const bool same_bits = !row.keys.quantized() || (row.keys.weight_bits == block.weight_bits &&
                                                   row.keys.act_bits == block.act_bits);
  return same_cache && same_bits;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> flattened(const Json& config) {
  std::vector<std::pair<std::string, std::string>> out;
  flatten_into(config, "", out);
  return out;
}

std::pair<std::string, int> combination_label(const CellConfig& keys) {
  struct Known {
    const char *cache, *correct, *label;
    bool quantized;
  };
  static constexpr Known known[] = {
      {"none", "none", "full precision", false},
      {"uniform", "none", "cache only", false},
      {"none", "none", "quantization only", true},
      {"uniform", "none", "simple combination", true},
      {"uniform", "direct", "simple + direct", true},
      {"dps", "none", "DPS", true},
      {"dps", "direct", "DPS + direct", true},
      {"dps", "dec", "DPS + DEC", true},
  };
  const bool reconstructed = keys.reconstruct != "none";
  int rank = 0;
  for (const Known& row : known) {
    if (keys.cache == row.cache && keys.correct == row.correct && keys.quantized() == row.quantized)
      return reconstructed ? std::pair(std::string(row.label) + " + " + keys.reconstruct, rank + 10)
                           : std::pair(std::string(row.label), rank);
    ++rank;
  }
  std::string label;
  const auto add = [&](const std::string& name) {
    if (name != "none") label += (label.empty() ? "" : " + ") + name;
  };
  add(keys.cache);
  add(keys.quant);
  add(keys.correct);
  add(keys.reconstruct);
  if (keys.cached() && !keys.quantized() && keys.correct == "none" && !reconstructed)
    return {"cache only (" + keys.cache + ")", 1};
  return {label, 100};
}

Aggregate metric_over_seeds(const Row& row, const std::string& metric) {
  std::vector<const MetricValue*> values;
  std::set<std::string> protocols;
  for (const Cell* cell : row.cells)
    for (const MetricValue& value : cell->metrics)
      if (value.name == metric) {
        values.push_back(&value);
        protocols.insert(value.protocol);
      }
  Aggregate out;
  out.seeds = values.size();
  out.protocols.assign(protocols.begin(), protocols.end());
  if (values.empty()) return out;
  double sum = 0, squares = 0;
  for (const MetricValue* value : values) sum += value->value;
  const double mean = sum / static_cast<double>(values.size());
  for (const MetricValue* value : values) squares += std::pow(value->value - mean, 2);
  out.value = mean;
  out.over_seeds = values.size() > 1;
  out.spread = out.over_seeds ? std::sqrt(squares / static_cast<double>(values.size() - 1))
                              : values.front()->spread;
  return out;
}

std::string Block::title() const {
  std::string title = interval ? fmt::format("N = {}", *interval) : "";
  const auto bits = [](std::optional<int64_t> value) {
    return value ? std::to_string(*value) : "?";
  };
  if (weight_bits || act_bits)
    title += fmt::format("{}W{}A{}", title.empty() ? "" : ", ", bits(weight_bits), bits(act_bits));
  return title.empty() ? "no interval, no bit width" : title;
}

std::vector<Section> build_sections(const Experiment& experiment) {
  std::vector<std::pair<std::string, std::vector<const Cell*>>> parts;
  for (const Cell& cell : experiment.cells) {
    const std::string title = section_title(cell.keys);
    auto at = std::find_if(parts.begin(), parts.end(),
                           [&](const auto& part) { return part.first == title; });
    if (at == parts.end()) at = parts.insert(parts.end(), {title, {}});
    at->second.push_back(&cell);
  }
  std::vector<Section> sections;
  for (const auto& [title, cells] : parts) {
    Section section{title, group_rows(cells), {}};
    tell_apart(section.rows);
    for (const auto& [interval, weight_bits, act_bits] : block_places(section.rows)) {
      Block block{interval, weight_bits, act_bits, {}};
      for (size_t i = 0; i < section.rows.size(); ++i)
        if (stands_in(section.rows[i], block)) block.rows.push_back(i);
      section.blocks.push_back(block);
    }
    sections.push_back(std::move(section));
  }
  return sections;
}

}  // namespace cq::reports
