// Tasks of an array job on a Slurm cluster, with a job after them that collects.
#include <algorithm>

#include <fmt/ranges.h>

#include "cq/base/error.h"
#include "cq/base/files.h"
#include "cq/base/log.h"
#include "cq/base/process.h"
#include "cq/experiments/launchers/launcher.h"
#include "cq/experiments/launchers/slurm_queue.h"

namespace cq {
namespace fs = std::filesystem;
namespace {

struct SlurmParameters {
  std::optional<std::string> partition, account, qos, time, memory;
  int64_t cpus = 0;
  int64_t gpus = 0;
  int64_t at_once = 0;
  int64_t tasks_per_cell = 0;
  int64_t warn_seconds = 90;
  int64_t restarts = 5;
  std::vector<std::string> options;
};

/// Each word in single quotes, for a POSIX shell.
std::string quoted(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out.push_back(' ');
    out.push_back('\'');
    for (const char c : word) {
      if (c == '\'') {
        out.append("'\\''");
      } else {
        out.push_back(c);
      }
    }
    out.push_back('\'');
  }
  return out;
}

/// Slurm signals the shell alone, which passes it on and starts the task again when the worker was
/// preempted (140) or killed (137), as often as `restarts` says.
std::string task_script(const std::vector<std::string>& command, int64_t restarts) {
  return fmt::format(R"(#!/bin/bash
{} --task $(($1 + SLURM_ARRAY_TASK_ID)) &
worker=$!
trap 'kill -USR2 $worker' USR2
trap 'kill -TERM $worker' TERM
while kill -0 $worker 2>/dev/null; do wait $worker; done
wait $worker
code=$?
if [ $code -eq 140 ] || {{ [ $code -eq 137 ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {} ]; }}; then
  scontrol requeue "$SLURM_JOB_ID" && sleep 60
fi
exit $code
)",
                     quoted(command), restarts);
}

class SlurmLauncher : public Launcher {
 public:
  static constexpr const char* name = "slurm";
  static constexpr const char* doc =
      "array job on a Slurm cluster, a task for each missing cell, and a job that collects";
  static constexpr const char* source = "";
  using Parameters = SlurmParameters;
  static const config::Params<Parameters>& parameters() {
    using P = Parameters;
    static const auto params =
        config::Params<P>()
            .field("partition", &P::partition, "sbatch --partition")
            .field("account", &P::account, "sbatch --account")
            .field("qos", &P::qos, "sbatch --qos")
            .field("time", &P::time, "limit of one task: minutes, H:MM:SS or D-HH:MM:SS")
            .field("cpus", &P::cpus, "of a task; 0: the cluster's default", {0, 4096})
            .field("memory", &P::memory, "of a task, for instance 8G")
            .field("gpus", &P::gpus, "of a task", {0, 64})
            .field("at_once", &P::at_once, "tasks that may run together; 0: no limit", {0, 1e6})
            .field("tasks_per_cell", &P::tasks_per_cell,
                   "workers that share one cell's shards; 0: one for each", {0, 1000})
            .field("warn_seconds", &P::warn_seconds, "SIGUSR2 this long before the time limit",
                   {1, 65535}, "s")
            .field("restarts", &P::restarts, "of a task whose process was killed", {0, 1000})
            .field("options", &P::options, "further arguments of sbatch");
    return params;
  }

  explicit SlurmLauncher(Parameters p) : p_(std::move(p)) {}

  void check() const override { slurm::call({"sbatch", "--version"}); }
  bool computes_here() const override { return false; }
  void finish() override {}

  std::vector<std::optional<size_t>> tasks(const std::vector<size_t>& widths) const override {
    std::vector<std::optional<size_t>> list;
    for (size_t cell = 0; cell < widths.size(); ++cell) {
      size_t n = std::max<size_t>(1, widths[cell]);
      if (p_.tasks_per_cell > 0) n = std::min(n, static_cast<size_t>(p_.tasks_per_cell));
      list.insert(list.end(), n, cell);
    }
    return list;
  }

  void start(Launch& launch) override {
    const auto& header = launch.header();
    const fs::path script = write_script(launch, "task.sh", task_command(launch));
    const size_t largest = std::max<size_t>(1, slurm::max_array_size());
    const size_t chunks = (header.tasks.size() + largest - 1) / largest;
    LaunchHeader with_jobs = header;
    for (size_t first = 0; first < header.tasks.size(); first += largest) {
      const size_t n = std::min(largest, header.tasks.size() - first);
      auto command = sbatch(launch, "task-%A_%a.txt");
      std::string array = fmt::format("--array=0-{}", n - 1);
      if (p_.at_once > 0) array += fmt::format("%{}", std::max<int64_t>(1, p_.at_once / chunks));
      command.insert(command.end(), {array, fmt::format("--signal=B:USR2@{}", p_.warn_seconds),
                                     script.string(), std::to_string(first)});
      with_jobs.jobs.push_back({slurm::submit(command), n});
      // Written at once: nobody must be left with jobs that no launch knows of.
      launch.write_header(with_jobs);
    }
    with_jobs.collect_job = submit_collect(launch, with_jobs);
    launch.write_header(with_jobs);
  }

 private:
  std::string task_command(const Launch& launch) const {
    std::vector<std::string> command{this_program(), "work", launch.folder().string()};
    const auto& more = launch.header().arguments;
    command.insert(command.end(), more.begin(), more.end());
    return task_script(command, p_.restarts);
  }

  static fs::path write_script(const Launch& launch, const char* file, const std::string& text) {
    const fs::path path = launch.folder() / file;
    write_atomically(path, text);
    return path;
  }

  std::vector<std::string> sbatch(const Launch& launch, const char* log) const {
    const std::string experiment = launch.folder().parent_path().parent_path().filename().string();
    std::vector<std::string> command{"sbatch",
                                     "--parsable",
                                     "--requeue",
                                     "--open-mode=append",
                                     fmt::format("--job-name=cq-{}", experiment),
                                     fmt::format("--chdir={}", fs::current_path().string()),
                                     fmt::format("--output={}", (launch.logs() / log).string())};
    const auto add = [&](const char* option, const std::optional<std::string>& value) {
      if (value) command.push_back(fmt::format("--{}={}", option, *value));
    };
    add("partition", p_.partition);
    add("account", p_.account);
    add("qos", p_.qos);
    add("time", p_.time);
    add("mem", p_.memory);
    if (p_.cpus > 0) command.push_back(fmt::format("--cpus-per-task={}", p_.cpus));
    if (p_.gpus > 0) command.push_back(fmt::format("--gpus={}", p_.gpus));
    command.insert(command.end(), p_.options.begin(), p_.options.end());
    return command;
  }

  std::string submit_collect(const Launch& launch, const LaunchHeader& header) const {
    const fs::path experiment = launch.folder().parent_path().parent_path();
    const auto script =
        write_script(launch, "collect.sh",
                     fmt::format("#!/bin/bash\nexec {}\n",
                                 quoted({this_program(), "collect", experiment.string()})));
    std::vector<std::string> ids;
    for (const auto& job : header.jobs) ids.push_back(job.id);
    auto command = sbatch(launch, "collect.txt");
    command.push_back(fmt::format("--dependency=afterany:{}", fmt::join(ids, ":")));
    command.push_back(script.string());
    return slurm::submit(command);
  }

  Parameters p_;
};

}  // namespace

void add_slurm_launcher(LauncherRegistry& registry);
void add_slurm_launcher(LauncherRegistry& registry) {
  registry.add<SlurmLauncher>();
}

}  // namespace cq
