#pragma once
// "Did you mean": the candidate closest to what the user wrote.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cq::config {

/// Levenshtein's distance: insertions, deletions and substitutions of single bytes.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate with the smallest edit distance to `name`, or an empty string where none is close
/// enough to be a likely slip (at most a third of the longer of the two, but two edits always).
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

/// "; did you mean 'x'?", or nothing where no candidate is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace cq::config
