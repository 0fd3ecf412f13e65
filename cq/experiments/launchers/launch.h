#pragma once
// A launch: cells of an experiment frozen as they were composed, for workers that start later and
// elsewhere. What becomes of the configuration files meanwhile does not matter to them.
//
//     results/<name>/launch/<number>/launch.json   what was asked for, tasks, batch jobs
//                                    cells.jsonl   a line a cell: name, overrides, config as YAML
//                                    tasks/<i>.json  marker of a task: state, host, process, times
//                                    logs/         what the workers printed
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace cq {

/// A cell as it was composed and resolved.
struct FrozenCell {
  std::string name;
  std::vector<std::string> overrides;
  std::string config_yaml;
};

/// This machine's name, as markers hold it.
std::string host_name();

/// How a task stands; `unknown` has no marker.
struct TaskMarker {
  std::string state = "waiting";  ///< waiting, running, done, failed, stopped (will go on)
  std::string host;
  int64_t pid = 0;
  int64_t starts = 0;
  int exit_code = 0;
  std::string begin, end;  ///< UTC
};

struct LaunchHeader {
  std::string launcher;
  std::string version;
  /// Arguments of the workers beside the launch itself: --threads 2 ...
  std::vector<std::string> arguments;
  /// A cell each; nothing: every cell.
  std::vector<std::optional<size_t>> tasks;
  /// Batch jobs that hold the tasks in turn, with the number of tasks of each.
  struct Job {
    std::string id;
    size_t tasks = 0;
  };
  std::vector<Job> jobs;
  /// Batch job that collects.
  std::string collect_job;
};

class Launch {
 public:
  /// Makes the next folder below `experiment` (results/<name>).
  static Launch create(const std::filesystem::path& experiment);
  /// Opens a launch folder. Throws UsageError where it is none, RunError where it is damaged.
  static Launch open(const std::filesystem::path& folder);
  /// The newest launch of an experiment.
  static std::optional<Launch> newest(const std::filesystem::path& experiment);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path logs() const { return folder_ / "logs"; }

  const LaunchHeader& header() const { return header_; }
  void write_header(LaunchHeader header);

  /// Replaces the frozen cells; called once.
  void write_cells(const std::vector<FrozenCell>& cells);
  size_t cells() const { return offsets_.size(); }
  /// Reads one cell.
  FrozenCell cell(size_t index) const;

  TaskMarker marker(size_t task) const;
  void write_marker(size_t task, const TaskMarker& marker) const;

 private:
  explicit Launch(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path cells_file() const { return folder_ / "cells.jsonl"; }
  void find_lines();

  std::filesystem::path folder_;
  LaunchHeader header_;
  std::vector<uint64_t> offsets_;
};

/// Marks a task as running while it lives, then as it ended.
class RunningTask {
 public:
  RunningTask(const Launch& launch, size_t task);
  void end(int exit_code);

 private:
  const Launch& launch_;
  size_t task_;
  TaskMarker marker_;
};

}  // namespace cq
