#pragma once
// The command line of `cq-exp`: names and flags of the commands (docs/commands.md), and what their
// errors exit with.

namespace cq {

/// Runs a command line and returns its exit code: 0 done, 1 failed, 2 bad usage, 3 a check did not
/// hold, 130/143/140 stopped by a signal.
int run_command_line(int argc, const char* const* argv);

}  // namespace cq
