#pragma once
// Stored results as the report reads them: results/<name>/ with one folder a cell
// (docs/reports.md).
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace cq::reports {

using Json = nlohmann::ordered_json;

/// One figure of merit of a cell. `spread` is the metric's own uncertainty (its splits, subsets).
struct MetricValue {
  std::string name;
  double value = 0;
  std::optional<double> spread;
  std::optional<bool> higher_is_better;  ///< as the file says; absent = by name
  std::string protocol;                  ///< canonical JSON
};

/// Range of a metric over independent halves of the full-precision images.
struct NoiseFloor {
  double low = 0, high = 0;
  int64_t halves = 0;
  double range() const { return high - low; }
};

/// Error of the network's output by step, relative; NaN where a step has none.
struct ErrorCurves {
  std::vector<double> steps;
  std::map<std::string, std::vector<double>> curves;
};

struct Range {
  double median = 0, low = 0, high = 0;
};

struct Efficiency {
  std::optional<double> macs, bops, parameters, model_bytes, compression, estimated_speedup;
  std::optional<Range> seconds_per_image, speedup;
  std::string peer, device;
  int64_t threads = 0, runs = 0;
};

struct StoredSchedule {
  int64_t steps = 0;
  std::vector<std::pair<int64_t, int64_t>> groups;  ///< [start, end); start is recomputed
  std::optional<double> cost, uniform_cost;
};

/// The names and numbers that decide a cell's row and block.
struct CellConfig {
  std::string model, sampler;
  std::optional<double> steps, guidance, eta;
  std::string cache = "none", quant = "none", correct = "none", reconstruct = "none";
  std::optional<int64_t> interval, weight_bits, act_bits;
  std::string execution;
  std::optional<int64_t> samples, seed;

  bool cached() const { return cache != "none"; }
  bool quantized() const { return quant != "none"; }
  bool full_precision() const { return !cached() && !quantized(); }
};

struct Cell {
  std::string name;
  Json config;
  CellConfig keys;
  std::vector<MetricValue> metrics;
  std::map<std::string, NoiseFloor> noise;
  std::optional<ErrorCurves> errors;
  std::optional<Efficiency> efficiency;
  std::optional<StoredSchedule> schedule;
  std::filesystem::path grid;                   ///< empty where there is none
  std::string missing;                          ///< why the cell has no metrics; empty when it has
  std::vector<std::string> not_finite;          ///< metrics that are null in the file
  std::map<std::string, std::string> left_out;  ///< why some of those were not taken
};

struct Experiment {
  std::string name;
  std::filesystem::path folder;
  std::vector<Cell> cells;               ///< in the plan's order
  std::vector<std::string> not_started;  ///< planned cells that have left no config.json
  std::string config_yaml;
  Json provenance;  ///< null where there is none
};

/// Throws UsageError when `folder` holds no results, RunError naming the file when one is damaged.
Experiment load_experiment(const std::filesystem::path& folder);

/// metrics.json, efficiency.json, schedule.json, config.json into `cell`; `where` names the file.
void parse_config(const Json& json, const std::string& where, Cell& cell);
void parse_metrics(const Json& json, const std::string& where, Cell& cell);
void parse_efficiency(const Json& json, const std::string& where, Cell& cell);
void parse_schedule(const Json& json, const std::string& where, Cell& cell);

}  // namespace cq::reports
