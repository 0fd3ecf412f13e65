#pragma once
#include <string>
#include <vector>

#include <CLI/App.hpp>

namespace cq {

/// Lets the values of an option that takes several end where an override begins. In
/// `bench model --executions float32 integer model=NAME` the option would else take the last word
/// too. Of the commands that take overrides, such options are told to take one word each time, and
/// are named again in front of each further word: the words to parse instead of `words`, which are
/// those behind the program's name.
std::vector<std::string> end_lists_at_overrides(CLI::App& app,
                                                const std::vector<std::string>& words);

}  // namespace cq
