#pragma once
// Other programs: started with their arguments as they are, never through a shell.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cq {

struct ProcessResult {
  /// Exit code, or minus the signal that ended it.
  int code = 0;
  std::string out;
  std::string err;
};

/// Runs `argv[0]`, looked up in PATH, to its end. Nothing where there is no such program. Throws
/// RunError where it cannot be started.
std::optional<ProcessResult> run_process(const std::vector<std::string>& argv);

/// Starts a program whose output is appended to the file `log`. Throws RunError.
pid_t start_process(const std::vector<std::string>& argv, const std::filesystem::path& log);

/// Waits for a started process: exit code, or minus the signal that ended it.
int wait_for_process(pid_t pid);

/// The running program's file.
std::string this_program();

}  // namespace cq
