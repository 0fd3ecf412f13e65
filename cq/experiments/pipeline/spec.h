#pragma once
// One cell of an experiment as typed values, checked against the components that read them.
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cq/core/cache.h"
#include "cq/core/corrector.h"
#include "cq/core/quant/simulated.h"
#include "cq/core/sampler.h"
#include "cq/experiments/pipeline/cell_metrics.h"
#include "cq/experiments/pipeline/workbench.h"

namespace cq {

/// Keys of every experiment that belong to no group.
struct RunParameters {
  std::string name;
  std::string results_dir = "results";
  std::string weights;    ///< a safetensors file, or `random`
  int64_t seed = 0;       ///< image i is drawn from seed + i
  int64_t samples = 128;  ///< images of a cell
  int64_t batch = 64;     ///< images computed at once; part of what determines float results
  int64_t shard = 256;    ///< images of one sampling stage
  std::vector<std::string> metrics;
  std::optional<std::string> prompt;   ///< of models that take texts
  std::optional<std::string> prompts;  ///< or a file of them
  std::optional<std::string> negative_prompt;
  bool has_texts() const { return prompt || prompts; }
};
const config::Params<RunParameters>& run_parameters();

/// `calibration`: full-precision runs that distances, ranges and corrections are estimated from.
struct CalibrationParameters {
  int64_t samples = 64;
  int64_t seed = 1000000;  ///< of the first one, apart from the images that are judged
};
const config::Params<CalibrationParameters>& calibration_parameters();

/// `record`: features of the full-precision calibration runs that are kept as a trajectory file.
struct RecordParameters {
  std::vector<std::string> points;  ///< of the network; none: nothing is recorded
  int64_t samples = 16;
  std::string dtype = "float16";
};
const config::Params<RecordParameters>& record_parameters();

/// `measure`: how time is measured.
struct MeasureParameters {
  int64_t batch = 16;
  int64_t rounds = 5;
};
const config::Params<MeasureParameters>& measure_parameters();

/// Const once made; the stages of a cell share it.
struct CellSpec {
  config::Node config;  ///< composed and resolved
  RunParameters run;
  CalibrationParameters calibration;
  RecordParameters record;
  MeasureParameters measure;
  ReferenceParameters data;
  std::vector<CellMetric> metrics;
  QuantParameters quant;
  double guidance = 1;
  std::shared_ptr<const ModelChoice> model;
  std::shared_ptr<const Sampler> sampler;
  std::shared_ptr<const CachePolicy> policy;
  std::shared_ptr<const Corrector> corrector;
  CachePoint point;  ///< of a policy that caches

  bool full_precision() const { return !policy->caches() && !quant.enabled(); }
  /// What determines a group's part in a result: its keys but those that cannot change one.
  nlohmann::ordered_json key_of(const std::string& group) const;
};

/// Reads a job of the composed sweep. Throws UsageError with file and line for an unknown key, a
/// wrong type, a value out of bounds, a file that is not there, a combination that has no meaning.
std::shared_ptr<const CellSpec> read_cell(const config::Node& job, Workbench& bench);

/// A cell's spec that is read again when it is needed: the plan of a large sweep keeps none.
class CellHandle {
 public:
  using Read = std::function<std::shared_ptr<const CellSpec>()>;

  /// Kept for good.
  CellHandle(std::shared_ptr<const CellSpec> spec);  // NOLINT: a spec is a handle on itself
  /// `read` gives the same spec whenever it is called; `bench` keeps those of late.
  CellHandle(Read read, std::shared_ptr<Workbench> bench);

  /// Valid until many other cells were looked at.
  const CellSpec& operator*() const;
  const CellSpec* operator->() const { return &**this; }

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cq
