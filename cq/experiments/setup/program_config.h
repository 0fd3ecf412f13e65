#pragma once
// The one config of a command that runs no sweep.
#include <filesystem>
#include <string>
#include <vector>

#include "cq/config/node.h"

namespace cq {

/// The program's own config `primary` ("command" for configs/command.yaml) with overrides, every
/// interpolation resolved.
config::Node compose_program(const std::string& primary, const std::vector<std::string>& overrides);

/// A config file with overrides, resolved; groups are looked up beside it, then in the program's.
/// Throws UsageError for a sweep: only `run` has several cells.
config::Node compose_file(const std::filesystem::path& file,
                          const std::vector<std::string>& overrides);

}  // namespace cq
