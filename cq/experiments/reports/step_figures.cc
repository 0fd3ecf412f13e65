// Pictures over the steps of the sampler: schedules as bars, errors as curves.
#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "cq/experiments/reports/figures.h"

namespace cq::reports {
namespace {

struct Bar {
  std::string name;
  const StoredSchedule* schedule;
};

/// One bar for each cache method and N. Corrections share a schedule, and so do seeds unless the
/// schedule was fitted; the first seed stands for all.
std::vector<Bar> schedule_bars(const Section& section) {
  std::vector<Bar> bars;
  for (const Row& row : section.rows) {
    if (!row.keys.cached()) continue;
    const auto with = std::find_if(row.cells.begin(), row.cells.end(),
                                   [](const Cell* cell) { return cell->schedule.has_value(); });
    if (with == row.cells.end()) continue;
    const StoredSchedule& schedule = *(*with)->schedule;
    std::string name = row.keys.cache;
    if (row.keys.interval) name += fmt::format(", N = {}", *row.keys.interval);
    const bool shown = std::any_of(bars.begin(), bars.end(), [&](const Bar& bar) {
      return bar.name == name && bar.schedule->groups == schedule.groups;
    });
    if (!shown) bars.push_back({name, &schedule});
  }
  std::stable_sort(bars.begin(), bars.end(), [](const Bar& a, const Bar& b) {
    return a.schedule->groups.size() > b.schedule->groups.size();
  });
  return bars;
}

std::string cost_text(const StoredSchedule& schedule) {
  std::string text = fmt::format("{} of {}", schedule.groups.size(), schedule.steps);
  if (schedule.cost && schedule.uniform_cost && *schedule.uniform_cost > 0)
    text += fmt::format(", cost {:.3g}x uniform", *schedule.cost / *schedule.uniform_cost);
  return text;
}

/// Two panels, cache error and quantization error, each before and after correction.
std::string error_script(const ErrorCurves& errors) {
  struct Curve {
    const char *key, *title, *colour;
  };
  const std::vector<std::pair<const char*, std::vector<Curve>>> panels = {
      {"cache error",
       {{"cache", "before DEC", "#cc6677"}, {"cache_corrected", "after DEC", "#229977"}}},
      {"quantization error",
       {{"quantization", "before DEC", "#dd8844"},
        {"quantization_corrected", "after DEC", "#4477aa"}}}};
  std::string script =
      "set border 3 lw 1\nset tics nomirror out\nset grid lc rgb '#bbbbbb' lw 0.5 dt 1\n"
      "set key top right horizontal samplen 2\nset yrange [0:*]\nset offsets 0,0,graph 0.2,0\n"
      "set multiplot layout 2,1 margins 0.1,0.98,0.15,0.97 spacing 0.1,0.12\n";
  for (const auto& [label, curves] : panels) {
    std::string plots;
    for (const Curve& curve : curves) {
      const auto values = errors.curves.find(curve.key);
      if (values == errors.curves.end()) continue;
      std::string lines;
      for (size_t i = 0; i < errors.steps.size(); ++i)
        // gnuplot leaves a gap at an empty line.
        lines += std::isfinite(values->second[i])
                     ? fmt::format("{:.9g} {:.9g}\n", errors.steps[i], values->second[i])
                     : "\n";
      script += data_block(curve.key, lines);
      plots += fmt::format("{}${} using 1:2 with lines lw 1.8 lc rgb '{}' title '{}'",
                           plots.empty() ? "" : ", ", curve.key, curve.colour, curve.title);
    }
    if (plots.empty()) continue;
    script += fmt::format("set ylabel '{}'\nset xlabel '{}'\nplot {}\n", label,
                          label == panels.back().first ? "step (0 is the noisiest)" : "", plots);
  }
  return script + "unset multiplot\n";
}

}  // namespace

std::vector<Figure> schedule_figures(const Section& section, const std::string& prefix) {
  const std::vector<Bar> bars = schedule_bars(section);
  if (bars.empty()) return {};
  std::string recomputed, reused, ticks, costs;
  int64_t steps = 0;
  for (size_t i = 0; i < bars.size(); ++i) {
    const double y = static_cast<double>(bars.size() - i);
    const StoredSchedule& schedule = *bars[i].schedule;
    steps = std::max(steps, schedule.steps);
    for (const auto& [start, end] : schedule.groups) {
      recomputed += fmt::format("{0} {2} {0} {1} {3} {4}\n", start, start + 1, y, y - .34, y + .34);
      if (end > start + 1)
        reused += fmt::format("{0} {2} {0} {1} {3} {4}\n", start + 1, end, y, y - .22, y + .22);
    }
    ticks += fmt::format("{}{} {}", ticks.empty() ? "" : ", ", quoted(bars[i].name), y);
    costs += fmt::format("{} {} \"{}\"\n", schedule.steps, y, cost_text(schedule));
  }
  Figure figure{prefix + "schedules", "schedules", "",
                "Schedules over the sampler's steps: a dark bar computes the network in full, the "
                "lighter bar after it reuses that step's feature",
                ""};
  figure.height = 90 + 40 * static_cast<int>(bars.size());
  figure.script = (reused.empty() ? "" : data_block("reused", reused)) +
                  data_block("recomputed", recomputed) + data_block("costs", costs) +
                  fmt::format(
                      "set border 1 lw 1\nset tics nomirror out\nset ytics ({})\n"
                      "set yrange [0.4:{}]\nset xrange [0:{}]\nset rmargin 26\n"
                      "set xlabel 'step (0 is the noisiest)'\nunset key\n"
                      "set style fill solid 1.0 noborder\nplot {}"
                      "$recomputed using 1:2:3:4:5:6 with boxxyerror lc rgb '#4477aa', "
                      "$costs using 1:2:3 with labels left offset 1,0 font ',10'\n",
                      ticks, static_cast<double>(bars.size()) + .6, steps,
                      reused.empty() ? ""
                                     : "$reused using 1:2:3:4:5:6 with boxxyerror lc rgb "
                                       "'#9dbfdd', ");
  return {figure};
}

std::vector<Figure> error_figures(const Section& section, const std::string& prefix) {
  std::vector<Figure> figures;
  for (const Row& row : section.rows) {
    const auto with = std::find_if(row.cells.begin(), row.cells.end(),
                                   [](const Cell* cell) { return cell->errors.has_value(); });
    if (with == row.cells.end()) continue;
    std::string choice = row.label;
    if (row.keys.interval) choice += fmt::format(", N = {}", *row.keys.interval);
    if (row.keys.weight_bits)
      choice += fmt::format(", W{}A{}", *row.keys.weight_bits, row.keys.act_bits.value_or(0));
    Figure figure{fmt::format("{}errors-{}", prefix, figures.size() + 1), "error by step", choice,
                  "Error of each step, split into cache error and quantization error, before and "
                  "after DEC: " +
                      choice,
                  error_script(*(*with)->errors)};
    figure.height = 520;
    figures.push_back(std::move(figure));
  }
  return figures;
}

}  // namespace cq::reports
