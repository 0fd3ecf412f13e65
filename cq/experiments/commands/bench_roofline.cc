#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "cq/experiments/commands/bench_layers.h"
#include "cq/experiments/reports/gnuplot.h"

namespace cq {

namespace {

/// A kind of layer has one colour; readable on white and on black.
struct Series {
  const char *kind, *colour;
};
constexpr Series kSeries[] = {{"conv", "#4477aa"}, {"linear", "#dd8844"}, {"attention", "#229977"}};

}  // namespace

std::string roofline_svg(const LayerTimes& times, const std::string& title, double peak_gops,
                         double bandwidth_gbps) {
  double least = 1, most = 10, slowest = peak_gops;
  std::string script, plots;
  for (const auto& series : kSeries) {
    std::string points;
    for (const auto& layer : times.layers) {
      if (layer.kind != series.kind) continue;
      const double intensity = layer.operations / layer.bytes;
      least = std::min(least, intensity);
      most = std::max(most, intensity);
      slowest = std::min(slowest, layer.gops());
      // The dot's area grows with the layer's share of the time.
      points += fmt::format("{:.6g} {:.6g} {:.3f}\n", intensity, layer.gops(),
                            0.4 + 6 * std::sqrt(layer.seconds / times.whole));
    }
    if (points.empty()) continue;
    script += reports::data_block(series.kind, points);
    plots += fmt::format(", ${} using 1:2:3 with points pt 7 ps variable lc rgb '{}' title '{}'",
                         series.kind, series.colour, series.kind);
  }
  script += fmt::format(
      "set logscale xy\nset key left top\nset title {}\n"
      "set xlabel 'operations per byte read or written'\nset ylabel 'GOPS'\n"
      "set xrange [{:.6g}:{:.6g}]\nset yrange [{:.6g}:{:.6g}]\n"
      "plot ({:.6g} * x < {:.6g} ? {:.6g} * x : {:.6g}) with lines lw 2 lc rgb '#7f7f7f' "
      "title 'peak {:.0f} GOPS, {:.1f} GB/s'{}\n",
      reports::quoted(title), least / 2, most * 2, slowest / 2, peak_gops * 2, bandwidth_gbps,
      peak_gops, bandwidth_gbps, peak_gops, peak_gops, bandwidth_gbps, plots);
  reports::Figure figure;
  figure.file = "roofline";
  figure.caption = title;
  figure.script = script;
  return reports::render_svg(figure);
}

}  // namespace cq
