#include "cq/experiments/launchers/launch_status.h"

#include <cerrno>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>

#include "cq/experiments/launchers/slurm_queue.h"

namespace cq {
namespace {

const std::set<std::string> kWaits{"PENDING", "REQUEUED", "SUSPENDED", "CONFIGURING"};
const std::set<std::string> kRuns{"RUNNING", "COMPLETING", "STAGE_OUT"};

bool is_active(const std::string& queue_state) {
  return kWaits.contains(queue_state) || kRuns.contains(queue_state);
}

/// Whether a process of this machine that a marker names is gone.
bool is_gone(const TaskMarker& marker) {
  return marker.host == host_name() && ::kill(static_cast<pid_t>(marker.pid), 0) != 0 &&
         errno == ESRCH;
}

/// `known`: the queue was asked; `queued`: what it said of the task.
std::string state_of(const TaskMarker& marker, bool known, const std::string& queued) {
  const bool begun = marker.starts > 0;
  if (marker.state == "done") return "done";
  if (kWaits.contains(queued)) return begun ? "requeued" : "pending";
  if (kRuns.contains(queued)) {
    if (marker.state == "running" || marker.state == "waiting") {
      return begun ? "running" : "starting";
    }
    return marker.state;
  }
  if (!known) return begun ? marker.state : "pending";
  return marker.state == "running" || !begun ? "lost" : marker.state;
}

}  // namespace

std::map<std::string, size_t> LaunchStatus::counts() const {
  std::map<std::string, size_t> counts;
  for (const auto& task : tasks) ++counts[task.state];
  return counts;
}

bool LaunchStatus::at_work() const {
  if (is_active(collect_state)) return true;
  for (const auto& task : tasks) {
    if (task.state == "running" || task.state == "starting") return true;
    // Nobody but a batch system starts what was not begun.
    if (!jobs.empty() && (task.state == "pending" || task.state == "requeued")) return true;
  }
  return false;
}

LaunchStatus read_launch_status(const Launch& launch) {
  const auto& header = launch.header();
  LaunchStatus status{
      header.launcher, launch.folder().filename().string(), {}, {}, header.collect_job, "", false};
  for (const auto& job : header.jobs) status.jobs.push_back(job.id);
  const bool batch = !header.jobs.empty();
  std::map<std::string, std::string> queue;
  if (batch) {
    auto asked = status.jobs;
    asked.push_back(header.collect_job);
    if (auto answer = slurm::queue(asked)) {
      queue = std::move(*answer);
    } else {
      status.queue_unknown = true;
    }
    if (const auto it = queue.find(header.collect_job); it != queue.end()) {
      status.collect_state = it->second;
    }
  }
  size_t first = 0, job = 0;
  for (size_t task = 0; task < header.tasks.size(); ++task) {
    while (job < header.jobs.size() && task >= first + header.jobs[job].tasks) {
      first += header.jobs[job++].tasks;
    }
    std::string id, queued;
    if (job < header.jobs.size()) {
      id = fmt::format("{}_{}", header.jobs[job].id, task - first);
      if (const auto it = queue.find(id); it != queue.end()) queued = it->second;
    }
    auto marker = launch.marker(task);
    const bool known = batch && !status.queue_unknown;
    std::string state = state_of(marker, known, queued);
    if (!batch && state == "running" && is_gone(marker)) state = "lost";
    status.tasks.push_back({task, id, state, std::move(marker)});
  }
  return status;
}

std::string to_text(const LaunchStatus& status) {
  std::string text = fmt::format("launch {} ({}):", status.number, status.launcher);
  for (const auto& [state, count] : status.counts()) text += fmt::format(" {} {},", count, state);
  text.back() = '\n';
  if (!status.jobs.empty()) {
    text += fmt::format("  jobs {}, then {} to collect{}\n", fmt::join(status.jobs, ", "),
                        status.collect_job.empty() ? "nobody" : status.collect_job,
                        status.collect_state.empty() ? "" : " (" + status.collect_state + ")");
  }
  if (status.queue_unknown) text += "  the queue cannot be asked: states are from markers alone\n";
  for (const auto& task : status.tasks) {
    if (task.state == "lost" || task.state == "failed" || task.state == "stopped") {
      text += fmt::format("  task {}{}: {}{}\n", task.index,
                          task.job.empty() ? "" : " (" + task.job + ")", task.state,
                          task.marker.host.empty() ? "" : " on " + task.marker.host);
    }
  }
  return text;
}

nlohmann::ordered_json to_json(const LaunchStatus& status) {
  nlohmann::ordered_json json{
      {"number", status.number},     {"launcher", status.launcher},
      {"jobs", status.jobs},         {"collect_job", status.collect_job},
      {"at_work", status.at_work()}, {"tasks", nlohmann::ordered_json::array()}};
  for (const auto& task : status.tasks) {
    json["tasks"].push_back({{"task", task.index},
                             {"job", task.job},
                             {"state", task.state},
                             {"host", task.marker.host},
                             {"starts", task.marker.starts},
                             {"exit_code", task.marker.exit_code}});
  }
  return json;
}

}  // namespace cq
