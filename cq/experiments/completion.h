#pragma once
// Shell completion: what may stand at the end of a command line, from the commands themselves, the
// config groups, the composed config and the parameters of the components in it.
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace cq {

/// Whole words that the last word of `line` may become, sorted; none where file names are wanted.
/// Keys that go on end in "=" or ".".
std::vector<std::string> complete(const CLI::App& app, const std::string& line);

/// The script for `bash` or `zsh` that asks `cq-exp complete LINE`.
std::string completion_script(const std::string& shell);

}  // namespace cq
