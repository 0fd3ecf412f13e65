#pragma once
// What Slurm's commands tell.
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cq::slurm {

/// Standard output of a Slurm command. Throws UsageError where it is not installed, RunError with
/// its message where it fails.
std::string call(const std::vector<std::string>& argv);

/// Calls sbatch --parsable; the job's id.
std::string submit(const std::vector<std::string>& argv);

/// MaxArraySize: the highest array index is one less.
size_t max_array_size();

/// State of each task of the jobs that Slurm still knows: "<job>_<index>" (array tasks) or "<job>"
/// to PENDING, RUNNING, ...; nothing where the queue cannot be asked.
std::optional<std::map<std::string, std::string>> queue(const std::vector<std::string>& jobs);

}  // namespace cq::slurm
