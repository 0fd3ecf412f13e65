#include "cq/experiments/launchers/slurm_queue.h"

#include <sstream>

#include "cq/base/error.h"
#include "cq/base/process.h"

namespace cq::slurm {
namespace {

std::string trimmed(const std::string& text) {
  const size_t end = text.find_last_not_of(" \n");
  return end == std::string::npos ? std::string() : text.substr(0, end + 1);
}

}  // namespace

std::string call(const std::vector<std::string>& argv) {
  const auto result = run_process(argv);
  if (!result) {
    throw UsageError("[slurm] there is no {} here: run this on a machine that submits to Slurm",
                     argv[0]);
  }
  if (result->code != 0) {
    throw RunError("[slurm] {} failed with {}: {}", argv[0], result->code, trimmed(result->err));
  }
  return trimmed(result->out);
}

std::string submit(const std::vector<std::string>& argv) {
  const std::string out = call(argv);
  return out.substr(0, out.find(';'));  // <job>;<cluster> in a federation
}

size_t max_array_size() {
  std::istringstream lines(call({"scontrol", "show", "config"}));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("MaxArraySize")) continue;
    const size_t equals = line.find('=');
    if (equals != std::string::npos) return std::stoul(line.substr(equals + 1));
  }
  throw RunError("[slurm] scontrol show config names no MaxArraySize");
}

std::optional<std::map<std::string, std::string>> queue(const std::vector<std::string>& jobs) {
  std::map<std::string, std::string> states;
  for (const auto& job : jobs) {
    if (job.empty()) continue;
    const auto result = run_process({"squeue", "--noheader", "--array", "--states=all",
                                     fmt::format("--jobs={}", job), "--format=%i %T"});
    if (!result) return std::nullopt;
    // A job that Slurm forgot is an error of squeue's, not one of ours.
    if (result->code != 0 && result->err.find("Invalid job id") == std::string::npos) {
      return std::nullopt;
    }
    std::istringstream lines(result->out);
    for (std::string id, state; lines >> id >> state;) states[id] = state;
  }
  return states;
}

}  // namespace cq::slurm
