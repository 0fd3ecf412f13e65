#pragma once
// Executes a plan: what is missing, in an order that finishes cells early, sharing the work with
// every other process that runs the same experiment.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cq/base/log.h"
#include "cq/base/progress.h"
#include "cq/experiments/harness/plan.h"

namespace cq {

struct RunnerOptions {
  ProgressStyle progress = ProgressStyle::automatic;
  /// How often a stage is tried again after an error that may pass (not after a usage error).
  int64_t retries = 0;
  /// Errors that may pass besides those of is_transient(): of libraries that the harness knows not.
  std::function<bool(const std::exception&)> may_pass = {};
  /// A process of another machine that showed no sign of life for so long is taken to be gone.
  double lease_seconds = 60;
  /// Whether stages that are reused are checked for missing or truncated files.
  bool verify = true;
  /// Whether the plan is the whole experiment: then plan.json and config.yaml are written.
  bool whole = true;
  /// Composed configuration of the experiment, published as config.yaml where it is given.
  std::string config_yaml = {};
  /// From collect_provenance(); published as provenance.json with start, end and exit
  /// reason. Nothing is written where it is null.
  nlohmann::ordered_json provenance = nullptr;
  /// Called around each computation, for tests and launchers.
  std::function<void(const char* event, const StageName&)> observer = {};
};

struct CellFailure {
  std::string cell;
  std::string stage;
  std::string error;
  std::vector<std::string> log_tail;
};

struct RunSummary {
  size_t cells = 0;
  size_t done_before = 0;
  size_t done_now = 0;
  size_t stages_computed = 0;
  double seconds = 0;
  double stage_seconds = 0;
  /// Spent with waiting for other processes.
  double waiting_seconds = 0;
  std::vector<CellFailure> failures;
  /// Set when the storage failed and the run stopped as a whole.
  std::string stopped_by;
  /// 0, 1, 130, 140 or 143.
  int exit_code = 0;

  /// Share of the time that was neither a stage's nor spent with waiting; nothing where no stage
  /// was computed.
  std::optional<double> overhead() const;

  /// For people: counts, and for each failure the stage, the error and the log's last lines.
  std::string text() const;
};

/// Writes plan.json, and config.yaml where its text is given.
void write_plan(Plan& plan, const std::string& config_yaml);

class Runner {
 public:
  Runner(Plan& plan, RunnerOptions options);

  /// Does what is missing. Failures of stages are in the summary; what is thrown (StorageError,
  /// RunError) happened before anything ran.
  RunSummary run();

 private:
  enum class Outcome { done, busy, failed };
  struct Failure {
    std::string stage;
    std::string error;
    std::vector<std::string> log_tail;
  };

  void prepare();
  /// Removes what a process that was killed between publishing and clean-up left of done cells.
  void sweep_cells();
  void run_pending();
  Outcome advance(size_t cell);
  Outcome ensure(StageId id, const std::string& cell_name);
  Outcome ensure_inputs(StageId id, const std::string& cell_name);
  Outcome compute(StageId id, const std::string& cell_name);
  double attempt(StageId id, Claim& claim);
  bool is_whole(const StageNode& stage);
  Outcome collect(size_t cell);
  void stage_into(const PlannedCell& cell, const std::filesystem::path& folder);
  void refresh_config(const PlannedCell& cell);
  void fail_stage(StageId id, const std::string& error, const LogTail& tail, const Claim* claim);
  bool failed_elsewhere(StageId id);
  void fail_cell(size_t cell, const Failure& failure);
  void learn(const StageNode& stage, double seconds);
  void show_whole();

  Plan& plan_;
  RunnerOptions options_;
  Store store_;
  RunSummary summary_;
  PlanState state_;
  std::unique_ptr<Progress> progress_;
  std::vector<char> complete_;
  std::unordered_map<StageId, Failure> failed_;
  /// Failures that other processes left before this run began: they are tried again.
  std::unordered_set<std::string> old_failures_;
  /// Stages that another process held in the current round.
  std::unordered_set<StageId> busy_;
  /// Whether the current round computed or published anything.
  bool moved_ = false;
  struct Pace {
    double seconds = 0, weight = 0, remaining_weight = 0;
    std::optional<double> guess;
  };
  std::map<std::string, Pace> pace_;
};

}  // namespace cq
