#pragma once

namespace cq {

/// Runs the command line of `cq-exp` and returns its exit code (docs/commands.md).
int run_command_line(int argc, char** argv);

}  // namespace cq
