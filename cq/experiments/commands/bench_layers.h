#pragma once
#include <string>
#include <vector>

#include "cq/base/json.h"
#include "cq/experiments/commands/bench_executions.h"

namespace cq {

/// One layer (or two that are computed together) in one call of a network.
struct LayerTime {
  std::string name, kind;
  double seconds = 0;
  double operations = 0;
  double bytes = 0;  ///< inputs, results and weights, each once
  double gops() const { return operations / seconds / 1e9; }
};

struct LayerTimes {
  std::vector<LayerTime> layers;  ///< slowest first
  double whole = 0;               ///< seconds of the call
};

/// Means over `rounds` calls that compute everything.
LayerTimes time_layers(const BenchSetting& setting, const Executor& executor, int64_t rounds);

/// For people.
std::string layer_table(const LayerTimes& times);
/// {"name", "kind", "seconds", "gops"} of each, slowest first.
nlohmann::ordered_json layer_document(const LayerTimes& times);

/// Speed of each layer over its operations per byte, below what the machine allows: the peak of
/// integer products and the memory's bandwidth (Williams, Waterman and Patterson, "Roofline",
/// 2009). An SVG picture; throws RunError when gnuplot is missing.
std::string roofline_svg(const LayerTimes& times, const std::string& title, double peak_gops,
                         double bandwidth_gbps);

}  // namespace cq
