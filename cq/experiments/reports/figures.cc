#include "cq/experiments/reports/figures.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

#include "cq/experiments/reports/efficiency.h"
#include "cq/experiments/reports/metric_info.h"

namespace cq::reports {
namespace {

// Readable on white and on black; the middle tones of Tol's schemes for colour-blind readers.
constexpr std::array<const char*, 10> palette = {"#7f7f7f", "#4477aa", "#66a8d0", "#cc6677",
                                                 "#dd8844", "#229977", "#55bb88", "#aa55aa",
                                                 "#bb9922", "#9988dd"};

struct Point {
  double x, y;
  size_t row;
};

struct Axis {
  const char *key, *label, *words;
  std::optional<double> (*value)(const Row&);
};

std::optional<double> bops_of(const Row& row) {
  return mean_figure(row, &Efficiency::bops);
}
std::optional<double> seconds_of(const Row& row) {
  const auto range = merged_range(row, &Efficiency::seconds_per_image);
  return range ? std::optional(range->median) : std::nullopt;
}

constexpr Axis axes[] = {
    {"bops", "BOPs per network evaluation (average over the schedule)", "BOPs", bops_of},
    {"time", "measured seconds per image", "measured time", seconds_of}};

/// Rows of one label differ in N and bits: the text beside a point.
std::string setting(const Row& row) {
  std::string text = row.keys.interval ? fmt::format("N={}", *row.keys.interval) : "";
  if (row.keys.weight_bits)
    text += fmt::format("{}W{}A{}", text.empty() ? "" : " ", *row.keys.weight_bits,
                        row.keys.act_bits.value_or(0));
  return text;
}

std::vector<std::string> labels_of(const Section& section) {
  std::vector<std::string> labels;
  for (const Row& row : section.rows)
    if (std::find(labels.begin(), labels.end(), row.label) == labels.end())
      labels.push_back(row.label);
  return labels;
}

std::string quality_script(const Section& section, const std::vector<Point>& points,
                           const Axis& axis, const std::string& metric) {
  const bool higher = *higher_is_better(section, metric);
  std::vector<std::pair<double, double>> places;
  places.reserve(points.size());
  for (const Point& point : points) places.emplace_back(point.x, point.y);
  std::string front, names, script, plots;
  for (const size_t i : pareto_front(places, higher)) {
    front += fmt::format("{:.9g} {:.9g}\n", points[i].x, points[i].y);
    const std::string text = setting(section.rows[points[i].row]);
    if (!text.empty())
      names += fmt::format("{:.9g} {:.9g} \"{}\"\n", points[i].x, points[i].y, text);
  }
  script += data_block("front", front);
  plots += "$front using 1:2 with lines lw 2 dt 2 lc rgb '#888888' title 'Pareto front'";
  size_t index = 0;
  for (const std::string& label : labels_of(section)) {
    std::string lines, colour;
    for (const Point& point : points)
      if (section.rows[point.row].label == label) {
        lines += fmt::format("{:.9g} {:.9g}\n", point.x, point.y);
        colour = method_colour(section, section.rows[point.row]);
      }
    if (lines.empty()) continue;
    const std::string name = fmt::format("m{}", index++);
    script += data_block(name, lines);
    plots += fmt::format(", ${} using 1:2 with points pt 7 ps 1.1 lc rgb '{}' title {}", name,
                         colour, quoted(label));
  }
  if (!names.empty()) {
    script += data_block("names", names);
    plots += ", $names using 1:2:3 with labels left offset 0.7,0.6 font ',10' notitle";
  }
  script += fmt::format(
      "set border 3 lw 1\nset tics nomirror out\nset grid lc rgb '#bbbbbb' lw 0.5 dt 1\n"
      "set key outside right center vertical reverse Left samplen 1.5 spacing 1.25\n"
      "set logscale x\nset format x {}\nset xlabel {}\nset ylabel {}\n"
      "set offsets graph 0.08, graph 0.12, graph 0.08, graph 0.06\nplot {}\n",
      quoted(std::string(axis.key) == "bops" ? "%.1s%c" : "%g"), quoted(axis.label),
      quoted(metric_info(metric).title + (higher ? ", higher is better" : ", lower is better")),
      plots);
  return script;
}

}  // namespace

std::string data_block(const std::string& name, const std::string& lines) {
  return "$" + name + " << EOD\n" + lines + "EOD\n";
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return out + "'";
}

std::string method_colour(const Section& section, const Row& row) {
  // Known rows keep their colour in every section and experiment.
  if (row.rank < 8) return palette[static_cast<size_t>(row.rank)];
  const auto labels = labels_of(section);
  const auto at = std::find(labels.begin(), labels.end(), row.label) - labels.begin();
  return palette[8 + static_cast<size_t>(at) % 2];
}

std::vector<size_t> pareto_front(const std::vector<std::pair<double, double>>& points,
                                 bool higher_is_better) {
  const auto loss = [&](size_t i) {
    return higher_is_better ? -points[i].second : points[i].second;
  };
  std::vector<size_t> order(points.size()), front;
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(points[a].first, loss(a)) < std::pair(points[b].first, loss(b));
  });
  for (const size_t i : order)
    if (front.empty() || loss(i) < loss(front.back())) front.push_back(i);
  return front;
}

std::vector<Figure> quality_figures(const Section& section, const std::string& prefix) {
  std::vector<Figure> figures;
  for (const Axis& axis : axes)
    for (const std::string& metric : metric_names(section)) {
      if (!higher_is_better(section, metric)) continue;
      std::vector<Point> points;
      for (size_t i = 0; i < section.rows.size(); ++i) {
        const auto x = axis.value(section.rows[i]);
        const auto y = metric_over_seeds(section.rows[i], metric).value;
        if (x && y && *x > 0) points.push_back({*x, *y, i});
      }
      if (points.size() < 2) continue;
      const std::string title = metric_info(metric).title;
      figures.push_back({prefix + "quality-" + axis.key + "-" + metric,
                         std::string("quality against ") + axis.words, title,
                         title + " against " + axis.words +
                             "; the dashed line joins the rows that "
                             "no other row beats in both",
                         quality_script(section, points, axis, metric)});
    }
  return figures;
}

}  // namespace cq::reports
